; What an x86-64 processor does its own way.

@futex_number = internal constant i64 202

declare void @llvm.x86.sse2.pause()
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

; Between two looks at a word that another core will write.
define internal void @relax() #0 {
  call void @llvm.x86.sse2.pause()
  ret void
}

; The floating-point mode of this thread, without its record of past exceptions.
define internal i64 @mode() #0 {
  %place = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %all = load i32, ptr %place
  %mode = and i32 %all, -64
  %wide = zext i32 %mode to i64
  ret i64 %wide
}

define internal void @set_mode(i64 %mode) #0 {
  %place = alloca i32, align 4
  %short = trunc i64 %mode to i32
  store i32 %short, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  ret void
}
