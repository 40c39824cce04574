; Waiting for a word to change, by a mutex and a condition variable, on any POSIX system.

@mutex = internal global [256 x i8] zeroinitializer, align 64
@changed = internal global [256 x i8] zeroinitializer, align 64

declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)

define internal void @wait.reset() #0 {
  %mutex = call i32 @pthread_mutex_init(ptr @mutex, ptr null)
  %changed = call i32 @pthread_cond_init(ptr @changed, ptr null)
  ret void
}

; Returns when the word was not ``value``, and now and then before.
define internal void @wait.until_not(ptr %word, i32 %value) #0 {
entry:
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %now = load atomic i32, ptr %word seq_cst, align 4
  %same = icmp eq i32 %now, %value
  br i1 %same, label %wait, label %end
wait:
  %woken = call i32 @pthread_cond_wait(ptr @changed, ptr @mutex)
  br label %end
end:
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret void
}

; After the word has changed: wake all who wait for that.
define internal void @wait.wake(ptr %word, i32 %count) #0 {
  %locked = call i32 @pthread_mutex_lock(ptr @mutex)
  %woken = call i32 @pthread_cond_broadcast(ptr @changed)
  %unlocked = call i32 @pthread_mutex_unlock(ptr @mutex)
  ret void
}
