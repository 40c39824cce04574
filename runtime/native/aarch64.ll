; What a 64-bit ARM processor does its own way.

@futex_number = internal constant i64 98

declare void @llvm.aarch64.hint(i32)
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)

; Between two looks at a word that another core will write.
define internal void @relax() #0 {
  call void @llvm.aarch64.hint(i32 1)
  ret void
}

; The floating-point mode of this thread.
define internal i64 @mode() #0 {
  %mode = call i64 @llvm.aarch64.get.fpcr()
  ret i64 %mode
}

define internal void @set_mode(i64 %mode) #0 {
  call void @llvm.aarch64.set.fpcr(i64 %mode)
  ret void
}
