; A processor of which nothing is known: it spins without a hint, and entries set no mode on it.

define internal void @relax() #0 {
  ret void
}

define internal i64 @mode() #0 {
  ret i64 0
}

define internal void @set_mode(i64 %mode) #0 {
  ret void
}
