; Waiting for a word to change, by Linux's futex.  The only file that is for one system alone.

declare i64 @syscall(i64, ...)

define internal void @wait.reset() #0 {
  ret void
}

; Returns when the word was not ``value``, and now and then before.
define internal void @wait.until_not(ptr %word, i32 %value) #0 {
  %number = load i64, ptr @futex_number
  %done = call i64 (i64, ...) @syscall(i64 %number, ptr %word, i32 128, i32 %value, ptr null)
  ret void
}

; After the word has changed: wake ``count`` who wait for that.
define internal void @wait.wake(ptr %word, i32 %count) #0 {
  %number = load i64, ptr @futex_number
  %woken = call i64 (i64, ...) @syscall(i64 %number, ptr %word, i32 129, i32 %count)
  ret void
}
