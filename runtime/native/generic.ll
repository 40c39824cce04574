; A processor of which nothing is known: it spins without a hint, and entries set no mode on it.

define internal void @relax() {
  ret void
}

define internal i64 @mode() {
  ret i64 0
}

define internal void @set_mode(i64 %mode) {
  ret void
}
