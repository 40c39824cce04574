; The process's worker threads.
;
; A region is a kernel over the units [0, n).  Its chunks lie in ranges, one a thread.  A thread
; empties its own range first, which keeps it on the data it had in the region before, then helps
; with the others: nobody waits for a thread whose core is taken by another process, except for the
; one chunk that it holds.
;
; @left says how many chunks of each range are still to be claimed.  Who counts it down from above
; zero owns a chunk, and while a claimed chunk is not reported in @done the region cannot end: so
; the fields of @job are read after a claim, never before.  Whoever comes too late finds nothing
; left, or joins the next region, and both are right.
;
; Beside this file: waiting (wait_*.ll) and what the processor does its own way (x86_64.ll, ...).

; kernel, buffers, table, units, ranges, chunks, mode, picoseconds of work for each thread
%job = type { ptr, ptr, ptr, i64, i64, i64, i64, i64 }
%team = type { ptr, i64, i64, i64 }  ; as in runtime.program

@job = internal global %job zeroinitializer, align 128
@left = internal global [256 x [32 x i32]] zeroinitializer, align 128
@locked = internal global i32 0, align 128      ; 1 while a region runs
@epoch = internal global i32 0, align 128       ; regions so far; idle workers wait for it to change
@sleepers = internal global i32 0, align 128    ; workers that sleep, or are about to
@seats = internal global i32 0, align 128       ; workers that may still join the region
@done = internal global i32 0, align 128        ; chunks of the region that are finished
@joining = internal global i32 0, align 128     ; 1 where the caller sleeps until all are
@spins = internal global i64 2000, align 128    ; how often a worker looks before it sleeps
@workers = internal global i64 0                ; threads started
@most_workers = internal global i64 255         ; fewer where the system gave no more
@block_signals = internal global i32 -1         ; SIG_SETMASK; negative: signals stay as they are
@owed = internal global i64 0                   ; picoseconds done alone since workers fell asleep

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @sched_yield()
declare i32 @llvm.smin.i32(i32, i32)
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)

; Before the first region: how long workers look for work, and how signals are masked.
define void @graphc.pool.configure(i64 %spins, i32 %block_signals) #0 {
  store i64 %spins, ptr @spins
  store i32 %block_signals, ptr @block_signals
  call void @wait.reset()
  ret void
}

; In the child of a fork, where no worker lives: as before the first region.
define void @graphc.pool.reset() #0 {
entry:
  store i64 0, ptr @workers
  store i64 255, ptr @most_workers
  store i32 0, ptr @sleepers
  store i32 0, ptr @seats
  store i32 0, ptr @joining
  store i64 0, ptr @owed
  br label %ranges
ranges:
  %range = phi i64 [0, %entry], [%next, %ranges]
  %place = getelementptr [256 x [32 x i32]], ptr @left, i64 0, i64 %range
  store i32 0, ptr %place
  %next = add i64 %range, 1
  %more = icmp ult i64 %next, 256
  br i1 %more, label %ranges, label %end
end:
  call void @wait.reset()
  store i32 0, ptr @locked
  ret void
}

; How many threads there are, those asleep among them; for tests.
define i64 @graphc.pool.workers() #0 {
  %workers = load i64, ptr @workers
  ret i64 %workers
}

define i64 @graphc.pool.sleepers() #0 {
  %sleepers = load atomic i32, ptr @sleepers seq_cst, align 4
  %wide = zext i32 %sleepers to i64
  ret i64 %wide
}

; How many regions were shared so far; for tests.
define i64 @graphc.pool.regions() #0 {
  %epoch = load atomic i32, ptr @epoch seq_cst, align 4
  %wide = zext i32 %epoch to i64
  ret i64 %wide
}

; Look ``count`` times; for measuring how long that takes.
define void @graphc.pool.spin(i64 %count) #0 {
entry:
  br label %look
look:
  %number = phi i64 [0, %entry], [%next, %look]
  %seen = load atomic i32, ptr @epoch monotonic, align 4
  call void @relax()
  %next = add i64 %number, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %look, label %end
end:
  ret void
}

; Run a kernel's units with the threads of a team, the share of each cut into ``cuts`` chunks at
; most.  ``work`` is about how many picoseconds they take alone.  Where another thread has the pool,
; or nobody is awake for little work, the caller runs them itself.
define void @graphc.pool.run(ptr %team, ptr %kernel, ptr %buffers, ptr %table, i64 %units,
                             i64 %cuts, i64 %work) #0 {
entry:
  %taken = cmpxchg ptr @locked, i32 0, i32 1 acq_rel monotonic
  %free = extractvalue { i32, i1 } %taken, 1
  br i1 %free, label %locked, label %alone
locked:
  %place = getelementptr %team, ptr %team, i64 0, i32 1
  %wanted = load i64, ptr %place
  call void @start(i64 %wanted)
  %least.place = getelementptr %team, ptr %team, i64 0, i32 3
  %least = load i64, ptr %least.place
  %worth = call i1 @worth_waking(i64 %work, i64 %least)
  br i1 %worth, label %together, label %unlock
unlock:
  store atomic i32 0, ptr @locked release, align 4
  br label %alone
alone:
  call void %kernel(ptr %buffers, ptr %table, i64 0, i64 %units)
  ret void
together:
  %workers = load i64, ptr @workers
  %everyone = add i64 %workers, 1
  %threads = call i64 @llvm.smin.i64(i64 %wanted, i64 %everyone)
  %shares = sdiv i64 %work, 2000000  ; picoseconds that are worth a thread
  %useful = call i64 @llvm.smax.i64(i64 %shares, i64 2)
  %employed = call i64 @llvm.smin.i64(i64 %threads, i64 %useful)
  %ranges = call i64 @llvm.smin.i64(i64 %employed, i64 %units)
  %chunks = call i64 @chunks(i64 %ranges, i64 %units, i64 %cuts, i64 %work)
  %mode = call i64 @mode()
  %field1 = getelementptr %job, ptr @job, i64 0, i32 1
  %field2 = getelementptr %job, ptr @job, i64 0, i32 2
  %field3 = getelementptr %job, ptr @job, i64 0, i32 3
  %field4 = getelementptr %job, ptr @job, i64 0, i32 4
  %field5 = getelementptr %job, ptr @job, i64 0, i32 5
  %field6 = getelementptr %job, ptr @job, i64 0, i32 6
  %field7 = getelementptr %job, ptr @job, i64 0, i32 7
  store ptr %kernel, ptr @job
  store ptr %buffers, ptr %field1
  store ptr %table, ptr %field2
  store i64 %units, ptr %field3
  store atomic i64 %ranges, ptr %field4 monotonic, align 8
  store i64 %chunks, ptr %field5
  store i64 %mode, ptr %field6
  %share = udiv i64 %work, %ranges
  store atomic i64 %share, ptr %field7 monotonic, align 8
  store atomic i32 0, ptr @done monotonic, align 4
  %helpers = sub i64 %ranges, 1
  %seats = trunc i64 %helpers to i32
  store atomic i32 %seats, ptr @seats release, align 4
  %each = trunc i64 %chunks to i32
  br label %open
open:
  %range = phi i64 [0, %together], [%range.next, %open]
  %left = getelementptr [256 x [32 x i32]], ptr @left, i64 0, i64 %range
  store atomic i32 %each, ptr %left release, align 4
  %range.next = add i64 %range, 1
  %range.more = icmp slt i64 %range.next, %ranges
  br i1 %range.more, label %open, label %call
call:
  %before = atomicrmw add ptr @epoch, i32 1 seq_cst
  %sleepers = load atomic i32, ptr @sleepers seq_cst, align 4
  %asleep = icmp sgt i32 %sleepers, 0
  br i1 %asleep, label %wake, label %work.here
wake:  ; two, who wake two each: waking all takes long
  %few = call i32 @llvm.smin.i32(i32 %seats, i32 2)
  call void @wait.wake(ptr @epoch, i32 %few)
  br label %work.here
work.here:
  call void @stint(i64 0)
  call void @join(i64 %ranges, i64 %chunks)
  store atomic i32 0, ptr @locked release, align 4
  ret void
}

; Chunks of each range: small enough that one held up is soon made good, of a microsecond at least.
define internal i64 @chunks(i64 %ranges, i64 %units, i64 %cuts, i64 %work) #0 {
  %all = add i64 %units, %ranges
  %rounded = sub i64 %all, 1
  %most = sdiv i64 %rounded, %ranges
  %micros = sdiv i64 %work, 1000000
  %share = sdiv i64 %micros, %ranges
  %few = call i64 @llvm.smin.i64(i64 %share, i64 %cuts)
  %some = call i64 @llvm.smax.i64(i64 %few, i64 1)
  %chunks = call i64 @llvm.smin.i64(i64 %some, i64 %most)
  ret i64 %chunks
}

; Waking a worker costs the caller some microseconds, and the worker is there only after some 30
; more.  Who runs many small regions in a row pays for it once they add up.
define internal i1 @worth_waking(i64 %work, i64 %least) #0 {
  %workers = load i64, ptr @workers
  %none = icmp eq i64 %workers, 0
  %sleepers = load atomic i32, ptr @sleepers seq_cst, align 4
  %wide = zext i32 %sleepers to i64
  %asleep = icmp sge i64 %wide, %workers
  %before = load i64, ptr @owed
  %owed = add i64 %before, %work
  %little = icmp slt i64 %owed, %least
  %wait = and i1 %asleep, %little
  %kept = select i1 %wait, i64 %owed, i64 0
  store i64 %kept, ptr @owed
  %alone = or i1 %none, %wait
  %worth = xor i1 %alone, true
  ret i1 %worth
}

; One thread's part in the region: its own range, then those of the others.
define internal void @stint(i64 %seat) #0 {
entry:
  %own = call i64 @mode()
  %ranges.place = getelementptr %job, ptr @job, i64 0, i32 4
  %ranges = load atomic i64, ptr %ranges.place monotonic, align 8
  br label %visit
visit:
  %visited = phi i64 [0, %entry], [%visited.next, %leave]
  %set = phi i64 [%own, %entry], [%set.now, %leave]
  %finished = phi i32 [0, %entry], [%finished.now, %leave]
  %at = add i64 %seat, %visited
  %range = urem i64 %at, %ranges
  %left = getelementptr [256 x [32 x i32]], ptr @left, i64 0, i64 %range
  br label %look
look:
  %set.now = phi i64 [%set, %visit], [%wanted, %run]
  %finished.now = phi i32 [%finished, %visit], [%finished.next, %run]
  %rest = load atomic i32, ptr %left monotonic, align 4
  %some = icmp sgt i32 %rest, 0
  br i1 %some, label %claim, label %leave
claim:
  %number = atomicrmw sub ptr %left, i32 1 acq_rel
  %valid = icmp sgt i32 %number, 0
  br i1 %valid, label %prepare, label %leave
prepare:
  %mode.place = getelementptr %job, ptr @job, i64 0, i32 6
  %wanted = load i64, ptr %mode.place
  %same = icmp eq i64 %wanted, %set.now
  br i1 %same, label %run, label %switch
switch:
  call void @set_mode(i64 %wanted)
  br label %run
run:
  call void @chunk(i64 %range, i32 %number)
  %finished.next = add i32 %finished.now, 1
  br label %look
leave:
  %visited.next = add i64 %visited, 1
  %more = icmp ult i64 %visited.next, %ranges
  br i1 %more, label %visit, label %restore
restore:
  %changed = icmp ne i64 %set.now, %own
  br i1 %changed, label %back, label %report
back:
  call void @set_mode(i64 %own)
  br label %report
report:
  %any = icmp sgt i32 %finished.now, 0
  br i1 %any, label %count, label %end
count:
  %ranges.all = load atomic i64, ptr %ranges.place monotonic, align 8
  %chunks.place = getelementptr %job, ptr @job, i64 0, i32 5
  %chunks = load i64, ptr %chunks.place
  %all = mul i64 %ranges.all, %chunks
  %all.short = trunc i64 %all to i32
  %before = atomicrmw add ptr @done, i32 %finished.now seq_cst
  %after = add i32 %before, %finished.now
  %last = icmp eq i32 %after, %all.short
  br i1 %last, label %tell, label %end
tell:
  %joining = load atomic i32, ptr @joining seq_cst, align 4
  %asleep = icmp ne i32 %joining, 0
  br i1 %asleep, label %wake, label %end
wake:
  call void @wait.wake(ptr @done, i32 1)
  br label %end
end:
  ret void
}

; Run the claimed chunk: ``number`` counts down from the chunks of a range.
define internal void @chunk(i64 %range, i32 %number) #0 {
entry:
  %kernel = load ptr, ptr @job
  %buffers.place = getelementptr %job, ptr @job, i64 0, i32 1
  %table.place = getelementptr %job, ptr @job, i64 0, i32 2
  %units.place = getelementptr %job, ptr @job, i64 0, i32 3
  %ranges.place = getelementptr %job, ptr @job, i64 0, i32 4
  %chunks.place = getelementptr %job, ptr @job, i64 0, i32 5
  %buffers = load ptr, ptr %buffers.place
  %table = load ptr, ptr %table.place
  %units = load i64, ptr %units.place
  %ranges = load atomic i64, ptr %ranges.place monotonic, align 8
  %chunks = load i64, ptr %chunks.place
  %all = mul i64 %ranges, %chunks
  %first = mul i64 %range, %chunks
  %end.of.range = add i64 %first, %chunks
  %down = sext i32 %number to i64
  %index = sub i64 %end.of.range, %down
  %after = add i64 %index, 1
  %scaled = mul i64 %index, %units
  %scaled.after = mul i64 %after, %units
  %begin = udiv i64 %scaled, %all
  %end = udiv i64 %scaled.after, %all
  %some = icmp ult i64 %begin, %end
  br i1 %some, label %run, label %leave
run:
  call void %kernel(ptr %buffers, ptr %table, i64 %begin, i64 %end)
  br label %leave
leave:
  ret void
}

; Until all chunks are done.  A worker whose core was taken away is not waited for by spinning:
; the core of a caller that sleeps can have it.
define internal void @join(i64 %ranges, i64 %chunks) #0 {
entry:
  %all = mul i64 %ranges, %chunks
  %short = trunc i64 %all to i32
  %spins = load i64, ptr @spins
  %patience = sdiv i64 %spins, 4
  br label %look
look:
  %looked = phi i64 [0, %entry], [%looked.next, %relax]
  %done = load atomic i32, ptr @done acquire, align 4
  %over = icmp eq i32 %done, %short
  br i1 %over, label %end, label %relax
relax:
  call void @relax()
  %looked.next = add i64 %looked, 1
  %more = icmp slt i64 %looked.next, %patience
  br i1 %more, label %look, label %sleep
sleep:
  store atomic i32 1, ptr @joining seq_cst, align 4
  br label %check
check:
  %now = load atomic i32, ptr @done seq_cst, align 4
  %complete = icmp eq i32 %now, %short
  br i1 %complete, label %awake, label %wait
wait:
  call void @wait.until_not(ptr @done, i32 %now)
  br label %check
awake:
  store atomic i32 0, ptr @joining seq_cst, align 4
  br label %end
end:
  ret void
}

; A worker's life.
define internal ptr @worker(ptr %nothing) #0 {
entry:
  %first = load atomic i32, ptr @epoch acquire, align 4
  br label %part
part:  ; the region may have begun before this thread did
  %seen = phi i32 [%first, %entry], [%current, %next]
  %stayed = phi i64 [0, %entry], [%stayed.now, %next]
  %free = load atomic i32, ptr @seats acquire, align 4
  %may = icmp sgt i32 %free, 0
  br i1 %may, label %sit, label %idle
sit:
  %seat = atomicrmw sub ptr @seats, i32 1 acq_rel
  %got = icmp sgt i32 %seat, 0
  br i1 %got, label %help, label %idle
help:
  %number = sext i32 %seat to i64
  call void @stint(i64 %number)
  %share = load atomic i64, ptr getelementptr (%job, ptr @job, i64 0, i32 7) monotonic, align 8
  %worked = add i64 %stayed, %share
  %long = icmp sgt i64 %worked, 100000000  ; picoseconds
  br i1 %long, label %yield, label %idle
yield:  ; who shares the core with another process goes now, not in the middle of a chunk
  %yielded = call i32 @sched_yield()
  br label %idle
idle:
  %stayed.now = phi i64 [%stayed, %part], [%stayed, %sit], [%worked, %help], [0, %yield],
                        [0, %sleep], [0, %wake]
  %spins = load i64, ptr @spins
  br label %look
look:
  %looked = phi i64 [0, %idle], [%looked.next, %relax]
  %current = load atomic i32, ptr @epoch acquire, align 4
  %new = icmp ne i32 %current, %seen
  br i1 %new, label %next, label %relax
relax:
  call void @relax()
  %looked.next = add i64 %looked, 1
  %more = icmp slt i64 %looked.next, %spins
  br i1 %more, label %look, label %sleep
sleep:
  %others = atomicrmw add ptr @sleepers, i32 1 seq_cst
  call void @wait.until_not(ptr @epoch, i32 %seen)
  %before = atomicrmw sub ptr @sleepers, i32 1 seq_cst
  %asleep = icmp sgt i32 %before, 1
  %wanted = load atomic i32, ptr @seats monotonic, align 4
  %missing = icmp sgt i32 %wanted, 1
  %more.to.wake = and i1 %asleep, %missing
  br i1 %more.to.wake, label %wake, label %idle
wake:
  call void @wait.wake(ptr @epoch, i32 2)
  br label %idle
next:
  br label %part
}

; See that there are workers for a team of ``threads``, as far as the system gives them.
define internal void @start(i64 %threads) #0 {
entry:
  %most = load i64, ptr @most_workers
  %wanted = sub i64 %threads, 1
  %goal = call i64 @llvm.smin.i64(i64 %wanted, i64 %most)
  %workers = load i64, ptr @workers
  %missing = icmp slt i64 %workers, %goal
  br i1 %missing, label %begin, label %end
begin:
  %thread = alloca ptr, align 8
  %attributes = alloca [256 x i8], align 16
  %all = alloca [256 x i8], align 16
  %mask = alloca [256 x i8], align 16
  ; Kernels keep up to a megabyte there, and some systems give a thread half of that.
  %made = call i32 @pthread_attr_init(ptr %attributes)
  %sized = call i32 @pthread_attr_setstacksize(ptr %attributes, i64 4194304)
  %how = load i32, ptr @block_signals
  %masks = icmp sge i32 %how, 0
  br i1 %masks, label %block, label %create
block:  ; signals are for the threads that the program made
  %filled = call i32 @sigfillset(ptr %all)
  %blocked = call i32 @pthread_sigmask(i32 %how, ptr %all, ptr %mask)
  br label %create
create:
  %number = phi i64 [%workers, %begin], [%workers, %block], [%number.next, %created]
  %failed = call i32 @pthread_create(ptr %thread, ptr %attributes, ptr @worker, ptr null)
  %good = icmp eq i32 %failed, 0
  br i1 %good, label %created, label %no.more
created:
  %handle = load ptr, ptr %thread
  %detached = call i32 @pthread_detach(ptr %handle)
  %number.next = add i64 %number, 1
  store i64 %number.next, ptr @workers
  %more = icmp slt i64 %number.next, %goal
  br i1 %more, label %create, label %unblock
no.more:
  store i64 %number, ptr @most_workers
  br label %unblock
unblock:
  %gone = call i32 @pthread_attr_destroy(ptr %attributes)
  br i1 %masks, label %restore, label %end
restore:
  %restored = call i32 @pthread_sigmask(i32 %how, ptr %mask, ptr null)
  br label %end
end:
  ret void
}

; Compiled in half the time, and as fast: its time goes into waiting for memory of other cores.
attributes #0 = { noinline optnone }
