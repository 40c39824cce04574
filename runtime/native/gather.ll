; Rows of an array, by their numbers, one after the other into another array.
;
; A row is asked for while the second before it is copied: rows in random order are no stream that
; the processor would see coming.  Into the second level of cache, since rows may be longer than what
; the first can wait for.

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)

; The address of row number %rows[%i], and of the one to ask for meanwhile.
define internal ptr @row(ptr %data, ptr %rows, i64 %i, i64 %stride) {
  %number.at = getelementptr i64, ptr %rows, i64 %i
  %number = load i64, ptr %number.at
  %offset = mul i64 %number, %stride
  %row = getelementptr i8, ptr %data, i64 %offset
  ret ptr %row
}

define internal ptr @coming(ptr %data, ptr %rows, i64 %i, i64 %count, i64 %stride) {
  %next = add i64 %i, 2
  %more = icmp slt i64 %next, %count
  %j = select i1 %more, i64 %next, i64 %i
  %row = call ptr @row(ptr %data, ptr %rows, i64 %j, i64 %stride)
  ret ptr %row
}

; %count rows of %size bytes, %stride bytes apart in %data.
define void @graphc.gather(ptr %out, ptr %data, ptr %rows, i64 %count, i64 %size, i64 %stride) {
entry:
  %whole = and i64 %size, -64
  %rest = sub i64 %size, %whole
  br label %each
each:
  %i = phi i64 [ 0, %entry ], [ %i.next, %last ]
  %i.more = icmp slt i64 %i, %count
  br i1 %i.more, label %start, label %done
start:
  %source = call ptr @row(ptr %data, ptr %rows, i64 %i, i64 %stride)
  %ahead = call ptr @coming(ptr %data, ptr %rows, i64 %i, i64 %count, i64 %stride)
  %offset = mul i64 %i, %size
  %target = getelementptr i8, ptr %out, i64 %offset
  br label %lines
lines:
  %k = phi i64 [ 0, %start ], [ %k.next, %line ]
  %ahead.k = getelementptr i8, ptr %ahead, i64 %k
  call void @llvm.prefetch.p0(ptr %ahead.k, i32 0, i32 2, i32 1)
  %source.k = getelementptr i8, ptr %source, i64 %k
  %target.k = getelementptr i8, ptr %target, i64 %k
  %k.more = icmp slt i64 %k, %whole
  br i1 %k.more, label %line, label %last
line:
  %bytes = load <64 x i8>, ptr %source.k, align 1
  store <64 x i8> %bytes, ptr %target.k, align 1
  %k.next = add i64 %k, 64
  br label %lines
last:
  call void @llvm.memcpy.p0.p0.i64(ptr %target.k, ptr %source.k, i64 %rest, i1 false)
  %i.next = add i64 %i, 1
  br label %each
done:
  ret void
}

; %count rows of %size bytes, each byte as a float times %scale.
define void @graphc.gather.uint8.float32(ptr %out, ptr %data, ptr %rows, i64 %count, i64 %size,
                                         i64 %stride, double %scale) {
entry:
  %factor = fptrunc double %scale to float
  %first = insertelement <16 x float> zeroinitializer, float %factor, i32 0
  %factors = shufflevector <16 x float> %first, <16 x float> zeroinitializer,
                           <16 x i32> zeroinitializer
  %whole = and i64 %size, -16
  br label %each
each:
  %i = phi i64 [ 0, %entry ], [ %i.next, %ended ]
  %i.more = icmp slt i64 %i, %count
  br i1 %i.more, label %start, label %done
start:
  %source = call ptr @row(ptr %data, ptr %rows, i64 %i, i64 %stride)
  %ahead = call ptr @coming(ptr %data, ptr %rows, i64 %i, i64 %count, i64 %stride)
  %offset = mul i64 %i, %size
  %target = getelementptr float, ptr %out, i64 %offset
  br label %vectors
vectors:
  %k = phi i64 [ 0, %start ], [ %k.next, %vector ]
  %ahead.k = getelementptr i8, ptr %ahead, i64 %k
  call void @llvm.prefetch.p0(ptr %ahead.k, i32 0, i32 2, i32 1)
  %k.more = icmp slt i64 %k, %whole
  br i1 %k.more, label %vector, label %tail
vector:
  %source.k = getelementptr i8, ptr %source, i64 %k
  %bytes = load <16 x i8>, ptr %source.k, align 1
  %floats = uitofp <16 x i8> %bytes to <16 x float>
  %scaled = fmul <16 x float> %floats, %factors
  %target.k = getelementptr float, ptr %target, i64 %k
  store <16 x float> %scaled, ptr %target.k, align 4
  %k.next = add i64 %k, 16
  br label %vectors
tail:
  %j = phi i64 [ %whole, %vectors ], [ %j.next, %single ]
  %j.more = icmp slt i64 %j, %size
  br i1 %j.more, label %single, label %ended
single:
  %source.j = getelementptr i8, ptr %source, i64 %j
  %byte = load i8, ptr %source.j
  %float = uitofp i8 %byte to float
  %result = fmul float %float, %factor
  %target.j = getelementptr float, ptr %target, i64 %j
  store float %result, ptr %target.j, align 4
  %j.next = add i64 %j, 1
  br label %tail
ended:
  %i.next = add i64 %i, 1
  br label %each
done:
  ret void
}
