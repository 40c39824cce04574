; Rows of an array, by their numbers, one after the other into another array.
;
; A row is asked for while the second before it is copied: rows in random order are no stream that
; the processor would see coming.  Into the second level of cache, since rows may be longer than what
; the first can wait for.
;
; Rows that several threads fetch are stored past the caches, where they fill whole lines: each would
; have its part in its own, and the others would wait for every line of it.  Memory is waited for by
; nobody: it is read as a stream.

%buffers = type { ptr, ptr, ptr }  ; where to, where from, the numbers of rows
; bytes of a row, from one row to the next, factor, rows, whether to store past the caches
%table = type { i64, i64, double, i64, i1 }

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)

; %count rows, with the threads of %team where there is one and %work, in picoseconds, is enough; as
; floats times %scale where %cast is not 0.  See runtime.program on teams.
define void @graphc.gather(ptr %team, ptr %out, ptr %data, ptr %rows, i64 %count, i64 %size,
                           i64 %stride, i64 %cast, double %scale, i64 %work) {
entry:
  %buffers = alloca %buffers
  %table = alloca %table
  store ptr %out, ptr %buffers
  %data.at = getelementptr %buffers, ptr %buffers, i32 0, i32 1
  store ptr %data, ptr %data.at
  %rows.at = getelementptr %buffers, ptr %buffers, i32 0, i32 2
  store ptr %rows, ptr %rows.at
  store i64 %size, ptr %table
  %stride.at = getelementptr %table, ptr %table, i32 0, i32 1
  store i64 %stride, ptr %stride.at
  %scale.at = getelementptr %table, ptr %table, i32 0, i32 2
  store double %scale, ptr %scale.at
  %count.at = getelementptr %table, ptr %table, i32 0, i32 3
  store i64 %count, ptr %count.at
  %past.at = getelementptr %table, ptr %table, i32 0, i32 4
  store i1 false, ptr %past.at
  %casts = icmp ne i64 %cast, 0
  %kernel = select i1 %casts, ptr @floats, ptr @copies
  %several = icmp ne ptr %team, null
  br i1 %several, label %weigh, label %alone
weigh:
  %least.at = getelementptr i64, ptr %team, i64 2
  %least = load i64, ptr %least.at
  %much = icmp sge i64 %work, %least
  br i1 %much, label %together, label %alone
together:
  %out.address = ptrtoint ptr %out to i64
  %size.cast = mul i64 %size, 4
  %size.out = select i1 %casts, i64 %size.cast, i64 %size
  %places = or i64 %out.address, %size.out
  %beyond.lines = and i64 %places, 63
  %past = icmp eq i64 %beyond.lines, 0
  store i1 %past, ptr %past.at
  %run = load ptr, ptr %team
  call void %run(ptr %team, ptr %kernel, ptr %buffers, ptr %table, i64 %count, i64 4, i64 %work)
  ret void
alone:
  call void %kernel(ptr %buffers, ptr %table, i64 0, i64 %count)
  ret void
}

; The address of the row that place %i of the result takes.
define internal ptr @row(ptr %buffers, ptr %table, i64 %i) {
  %rows.at = getelementptr %buffers, ptr %buffers, i32 0, i32 2
  %rows = load ptr, ptr %rows.at
  %number.at = getelementptr i64, ptr %rows, i64 %i
  %number = load i64, ptr %number.at
  %stride.at = getelementptr %table, ptr %table, i32 0, i32 1
  %stride = load i64, ptr %stride.at
  %offset = mul i64 %number, %stride
  %data.at = getelementptr %buffers, ptr %buffers, i32 0, i32 1
  %data = load ptr, ptr %data.at
  %row = getelementptr i8, ptr %data, i64 %offset
  ret ptr %row
}

; The row to ask for while that of place %i is copied, of this thread's part or of the next.
define internal ptr @coming(ptr %buffers, ptr %table, i64 %i) {
  %count.at = getelementptr %table, ptr %table, i32 0, i32 3
  %count = load i64, ptr %count.at
  %next = add i64 %i, 2
  %more = icmp slt i64 %next, %count
  %j = select i1 %more, i64 %next, i64 %i
  %row = call ptr @row(ptr %buffers, ptr %table, i64 %j)
  ret ptr %row
}

; The bytes of rows, for places from %begin up to %end.
define internal void @copies(ptr %buffers, ptr %table, i64 %begin, i64 %end) {
entry:
  %out = load ptr, ptr %buffers
  %size = load i64, ptr %table
  %whole = and i64 %size, -64
  %rest = sub i64 %size, %whole
  %past.at = getelementptr %table, ptr %table, i32 0, i32 4
  %past = load i1, ptr %past.at
  br label %each
each:
  %i = phi i64 [ %begin, %entry ], [ %i.next, %last ]
  %i.more = icmp slt i64 %i, %end
  br i1 %i.more, label %start, label %done
start:
  %source = call ptr @row(ptr %buffers, ptr %table, i64 %i)
  %ahead = call ptr @coming(ptr %buffers, ptr %table, i64 %i)
  %offset = mul i64 %i, %size
  %target = getelementptr i8, ptr %out, i64 %offset
  br label %lines
lines:
  %k = phi i64 [ 0, %start ], [ %k.next, %stored ]
  %ahead.k = getelementptr i8, ptr %ahead, i64 %k
  call void @llvm.prefetch.p0(ptr %ahead.k, i32 0, i32 2, i32 1)
  %source.k = getelementptr i8, ptr %source, i64 %k
  %target.k = getelementptr i8, ptr %target, i64 %k
  %k.more = icmp slt i64 %k, %whole
  br i1 %k.more, label %line, label %last
line:
  %bytes = load <64 x i8>, ptr %source.k, align 1
  br i1 %past, label %line.past, label %line.near
line.past:
  store <64 x i8> %bytes, ptr %target.k, align 64, !nontemporal !0
  br label %stored
line.near:
  store <64 x i8> %bytes, ptr %target.k, align 1
  br label %stored
stored:
  %k.next = add i64 %k, 64
  br label %lines
last:
  call void @llvm.memcpy.p0.p0.i64(ptr %target.k, ptr %source.k, i64 %rest, i1 false)
  %i.next = add i64 %i, 1
  br label %each
done:
  br i1 %past, label %told, label %over
told:
  fence seq_cst  ; such stores are in no order with others until then
  br label %over
over:
  ret void
}

; The same, each byte as a float times the factor.
define internal void @floats(ptr %buffers, ptr %table, i64 %begin, i64 %end) {
entry:
  %out = load ptr, ptr %buffers
  %size = load i64, ptr %table
  %scale.at = getelementptr %table, ptr %table, i32 0, i32 2
  %scale = load double, ptr %scale.at
  %factor = fptrunc double %scale to float
  %first = insertelement <16 x float> zeroinitializer, float %factor, i32 0
  %factors = shufflevector <16 x float> %first, <16 x float> zeroinitializer,
                           <16 x i32> zeroinitializer
  %whole = and i64 %size, -16
  %past.at = getelementptr %table, ptr %table, i32 0, i32 4
  %past = load i1, ptr %past.at
  br label %each
each:
  %i = phi i64 [ %begin, %entry ], [ %i.next, %ended ]
  %i.more = icmp slt i64 %i, %end
  br i1 %i.more, label %start, label %done
start:
  %source = call ptr @row(ptr %buffers, ptr %table, i64 %i)
  %ahead = call ptr @coming(ptr %buffers, ptr %table, i64 %i)
  %offset = mul i64 %i, %size
  %target = getelementptr float, ptr %out, i64 %offset
  br label %vectors
vectors:
  %k = phi i64 [ 0, %start ], [ %k.next, %stored ]
  %ahead.k = getelementptr i8, ptr %ahead, i64 %k
  call void @llvm.prefetch.p0(ptr %ahead.k, i32 0, i32 2, i32 1)
  %k.more = icmp slt i64 %k, %whole
  br i1 %k.more, label %vector, label %tail
vector:
  %source.k = getelementptr i8, ptr %source, i64 %k
  %bytes = load <16 x i8>, ptr %source.k, align 1
  %numbers = uitofp <16 x i8> %bytes to <16 x float>
  %scaled = fmul <16 x float> %numbers, %factors
  %target.k = getelementptr float, ptr %target, i64 %k
  br i1 %past, label %vector.past, label %vector.near
vector.past:
  store <16 x float> %scaled, ptr %target.k, align 64, !nontemporal !0
  br label %stored
vector.near:
  store <16 x float> %scaled, ptr %target.k, align 4
  br label %stored
stored:
  %k.next = add i64 %k, 16
  br label %vectors
tail:
  %j = phi i64 [ %whole, %vectors ], [ %j.next, %single ]
  %j.more = icmp slt i64 %j, %size
  br i1 %j.more, label %single, label %ended
single:
  %source.j = getelementptr i8, ptr %source, i64 %j
  %byte = load i8, ptr %source.j
  %number = uitofp i8 %byte to float
  %result = fmul float %number, %factor
  %target.j = getelementptr float, ptr %target, i64 %j
  store float %result, ptr %target.j, align 4
  %j.next = add i64 %j, 1
  br label %tail
ended:
  %i.next = add i64 %i, 1
  br label %each
done:
  br i1 %past, label %told, label %over
told:
  fence seq_cst  ; such stores are in no order with others until then
  br label %over
over:
  ret void
}

!0 = !{i32 1}
