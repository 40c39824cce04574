; The usual call of an entry from Python, with no Python code on the way.
;
; @graphc.call is the C function of a built-in method.  It checks the arguments against the tables
; that runtime.native_call keeps for the entry, and calls the entry.  Whatever is not as in one of
; the calls before (another dtype, other sizes, a failed check of the data) goes to the Python path,
; which holds all rules and is the one place of errors; nothing has been changed by then.
; It speaks to Python by functions of the stable ABI and the buffer protocol alone, but for an
; object's reference count, which runtime.native_call has checked to lie where it is read.

%view = type { ptr, ptr, i64, i64, i32, i32, ptr, ptr, ptr, ptr, ptr }  ; Py_buffer
;               0 record  1 Python path  2 ndarray  3 dict  4 inputs  5 outputs  6 first output's word
;               7 whether the output itself is returned  8 "out"  9 lock  10 entry  11 calls
;               12 False  13 True  14 number of parameters  15 names of inputs  16 names of outputs
;               17 first and last address of parameters
%head = type { ptr, ptr, ptr, ptr, i64, i64, i64, i64, ptr, ptr, ptr, i64, ptr, ptr, i64, ptr, ptr,
               ptr }
;               0 next record  1 its owner  2 frame  3 claim  4 arena  5 bytes wanted of it  6 sizes
;               7 whether others run meanwhile  8 inputs' forms  9 outputs' forms  10 sources
%record = type { ptr, ptr, ptr, ptr, ptr, i64, ptr, i64, ptr, ptr, ptr }
%form = type { i64, i64, i64, i64, i64 }  ; words of it, format, alignment - 1, bytes, rank, sizes
%source = type { ptr, ptr, i64 }  ; maker of new arrays, list of two to use again or null, whose turn
%lock = type { ptr, ptr }  ; its methods acquire and release
%range = type { i64, i64 }  ; addresses: the first, and the one after the last

declare ptr @PyTuple_GetItem(ptr, i64)
declare i64 @PyTuple_Size(ptr)
declare ptr @PyLong_AsVoidPtr(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare ptr @PyObject_CallNoArgs(ptr)
declare ptr @PyObject_Type(ptr)
declare i32 @PyObject_GetBuffer(ptr, ptr, i32)
declare void @PyBuffer_Release(ptr)
declare ptr @PyDict_New()
declare i64 @PyDict_Size(ptr)
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyDict_GetItem(ptr, ptr)
declare ptr @PyList_GetItem(ptr, i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare void @PyErr_Clear()
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)

; Take the word at %claim if nobody has it.
define i64 @graphc.claim(ptr %claim) #0 {
  %pair = cmpxchg ptr %claim, i64 0, i64 1 seq_cst seq_cst
  %taken = extractvalue { i64, i1 } %pair, 1
  %answer = zext i1 %taken to i64
  ret i64 %answer
}

define ptr @graphc.call(ptr %self, ptr %args, i64 %count, ptr %names) #0 {
entry:
  %number = call ptr @PyTuple_GetItem(ptr %self, i64 0)
  %head = call ptr @PyLong_AsVoidPtr(ptr %number)
  %result = call ptr @attempt(ptr %head, ptr %args, i64 %count, ptr %names)
  %done = icmp ne ptr %result, null
  br i1 %done, label %return, label %otherwise
return:
  ret ptr %result
otherwise:
  call void @PyErr_Clear()
  %path.at = getelementptr %head, ptr %head, i32 0, i32 1
  %path = load ptr, ptr %path.at
  %other = call ptr @PyObject_Vectorcall(ptr %path, ptr %args, i64 %count, ptr %names)
  ret ptr %other
}

; The result of the call, or null where the Python path has to be taken.
define internal ptr @attempt(ptr %head, ptr %args, i64 %count, ptr %names) #0 {
entry:
  %first = load ptr, ptr %head
  %armed = icmp ne ptr %first, null
  br i1 %armed, label %arrange, label %no
arrange:
  %inputs.at = getelementptr %head, ptr %head, i32 0, i32 4
  %inputs = load i64, ptr %inputs.at
  %outputs.at = getelementptr %head, ptr %head, i32 0, i32 5
  %outputs = load i64, ptr %outputs.at
  %buffers = add i64 %inputs, %outputs
  %given = alloca ptr, i64 %inputs
  %ranges = alloca %range, i64 %buffers
  %out = alloca ptr
  store ptr null, ptr %out
  %arranged = call i1 @arrange(ptr %head, ptr %args, i64 %count, ptr %names, ptr %given, ptr %out)
  br i1 %arranged, label %find, label %no
find:
  %record = call ptr @find(ptr %first, ptr %head, i64 %inputs, ptr %given, ptr %ranges)
  %found = icmp ne ptr %record, null
  br i1 %found, label %go, label %no
go:
  ; Making an array may run any code, and that may replace the record.
  %owner.at = getelementptr %record, ptr %record, i32 0, i32 1
  %owner = load ptr, ptr %owner.at
  call void @Py_IncRef(ptr %owner)
  %wanted = load ptr, ptr %out
  %result = call ptr @complete(ptr %head, ptr %record, ptr %ranges, ptr %wanted)
  call void @Py_DecRef(ptr %owner)
  ret ptr %result
no:
  ret ptr null
}

; The inputs in their order, from arguments by position and by name; the argument called out.
define internal i1 @arrange(ptr %head, ptr %args, i64 %count, ptr %names, ptr %given, ptr %out) {
entry:
  %inputs.at = getelementptr %head, ptr %head, i32 0, i32 4
  %inputs = load i64, ptr %inputs.at
  %known.at = getelementptr %head, ptr %head, i32 0, i32 15
  %known = load ptr, ptr %known.at
  %many = icmp ugt i64 %count, %inputs
  br i1 %many, label %no, label %clear
clear:
  %c = phi i64 [ 0, %entry ], [ %c.next, %fill ]
  %c.more = icmp ult i64 %c, %inputs
  br i1 %c.more, label %fill, label %named
fill:
  %positional = icmp ult i64 %c, %count
  %arg.at = getelementptr ptr, ptr %args, i64 %c
  %given.at = getelementptr ptr, ptr %given, i64 %c
  %source = select i1 %positional, ptr %arg.at, ptr %out
  %value = load ptr, ptr %source
  store ptr %value, ptr %given.at
  %c.next = add i64 %c, 1
  br label %clear
named:
  %by.name = icmp ne ptr %names, null
  br i1 %by.name, label %measure, label %complete
measure:
  %words = call i64 @PyTuple_Size(ptr %names)
  br label %each
each:
  %k = phi i64 [ 0, %measure ], [ %k.next, %took ]
  %k.more = icmp slt i64 %k, %words
  br i1 %k.more, label %name, label %complete
name:
  %word = call ptr @PyTuple_GetItem(ptr %names, i64 %k)
  %place = add i64 %count, %k
  %word.at = getelementptr ptr, ptr %args, i64 %place
  %object = load ptr, ptr %word.at
  br label %search
search:
  %i = phi i64 [ 0, %name ], [ %i.next, %differs ]
  %i.more = icmp ult i64 %i, %inputs
  br i1 %i.more, label %compare, label %is.out
compare:
  %known.i = getelementptr ptr, ptr %known, i64 %i
  %candidate = load ptr, ptr %known.i
  %same = icmp eq ptr %candidate, %word
  br i1 %same, label %input, label %differs
differs:
  %i.next = add i64 %i, 1
  br label %search
is.out:
  %out.at = getelementptr %head, ptr %head, i32 0, i32 8
  %out.name = load ptr, ptr %out.at
  %is = icmp eq ptr %out.name, %word
  br i1 %is, label %take, label %no
input:
  %input.at = getelementptr ptr, ptr %given, i64 %i
  br label %take
take:
  %target = phi ptr [ %input.at, %input ], [ %out, %is.out ]
  %before = load ptr, ptr %target
  %free = icmp eq ptr %before, null
  br i1 %free, label %took, label %no
took:
  store ptr %object, ptr %target
  %k.next = add i64 %k, 1
  br label %each
complete:
  %g = phi i64 [ 0, %named ], [ 0, %each ], [ %g.next, %present ]
  %g.more = icmp ult i64 %g, %inputs
  br i1 %g.more, label %look, label %yes
look:
  %g.at = getelementptr ptr, ptr %given, i64 %g
  %g.value = load ptr, ptr %g.at
  %missing = icmp eq ptr %g.value, null
  br i1 %missing, label %no, label %present
present:
  %g.next = add i64 %g, 1
  br label %complete
yes:
  ret i1 true
no:
  ret i1 false
}

; Whether %object is an ndarray itself, and no subclass.
define internal i1 @is_array(ptr %head, ptr %object) #0 {
  %type.at = getelementptr %head, ptr %head, i32 0, i32 2
  %wanted = load ptr, ptr %type.at
  %type = call ptr @PyObject_Type(ptr %object)
  call void @Py_DecRef(ptr %type)
  %same = icmp eq ptr %type, %wanted
  ret i1 %same
}

; Whether a view has a form's dtype, alignment and sizes; contiguous it is asked to be anyway.
define internal i1 @fits(ptr %view, ptr %form) {
entry:
  %rank.at = getelementptr %view, ptr %view, i32 0, i32 5
  %rank.word = load i32, ptr %rank.at
  %rank = sext i32 %rank.word to i64
  %wanted.at = getelementptr %form, ptr %form, i32 0, i32 4
  %wanted = load i64, ptr %wanted.at
  %ranks = icmp eq i64 %rank, %wanted
  br i1 %ranks, label %kind, label %no
kind:
  ; One character and the zero after it: no other byte order, no record.
  %format.at = getelementptr %view, ptr %view, i32 0, i32 6
  %format.text = load ptr, ptr %format.at
  %format.short = load i16, ptr %format.text, align 1
  %format = zext i16 %format.short to i64
  %kind.at = getelementptr %form, ptr %form, i32 0, i32 1
  %kind.wanted = load i64, ptr %kind.at
  %kinds = icmp eq i64 %format, %kind.wanted
  %mask.at = getelementptr %form, ptr %form, i32 0, i32 2
  %mask = load i64, ptr %mask.at
  %address = load i64, ptr %view
  %low = and i64 %address, %mask
  %aligned = icmp eq i64 %low, 0
  %usable = and i1 %kinds, %aligned
  br i1 %usable, label %shape, label %no
shape:
  %shape.at = getelementptr %view, ptr %view, i32 0, i32 7
  %sizes = load ptr, ptr %shape.at
  %expected = getelementptr %form, ptr %form, i32 1
  br label %axes
axes:
  %axis = phi i64 [ 0, %shape ], [ %next, %same ]
  %more = icmp slt i64 %axis, %rank
  br i1 %more, label %compare, label %yes
compare:
  %size.at = getelementptr i64, ptr %sizes, i64 %axis
  %size = load i64, ptr %size.at
  %expected.at = getelementptr i64, ptr %expected, i64 %axis
  %expected.size = load i64, ptr %expected.at
  %equal = icmp eq i64 %size, %expected.size
  br i1 %equal, label %same, label %no
same:
  %next = add i64 %axis, 1
  br label %axes
yes:
  ret i1 true
no:
  ret i1 false
}

; The record of an earlier call with inputs of just these forms, or null.  The caller of the method
; holds the arrays, so their addresses stay valid when the views are given back.
define internal ptr @find(ptr %first, ptr %head, i64 %inputs, ptr %given, ptr %ranges) {
entry:
  %views = alloca %view, i64 %inputs
  br label %open
open:
  %n = phi i64 [ 0, %entry ], [ %n.next, %opened ]
  %n.more = icmp ult i64 %n, %inputs
  br i1 %n.more, label %check, label %records
check:
  %object.at = getelementptr ptr, ptr %given, i64 %n
  %object = load ptr, ptr %object.at
  %array = call i1 @is_array(ptr %head, ptr %object)
  br i1 %array, label %view, label %close
view:
  %view.at = getelementptr %view, ptr %views, i64 %n
  %refused = call i32 @PyObject_GetBuffer(ptr %object, ptr %view.at, i32 60)  ; format, C order
  %viewed = icmp eq i32 %refused, 0
  br i1 %viewed, label %opened, label %close
opened:
  %n.next = add i64 %n, 1
  br label %open
records:
  %record = phi ptr [ %first, %open ], [ %record.next, %another ]
  %ended = icmp eq ptr %record, null
  br i1 %ended, label %close, label %inside
inside:
  %forms.at = getelementptr %record, ptr %record, i32 0, i32 8
  %forms = load ptr, ptr %forms.at
  br label %compare
compare:
  %i = phi i64 [ 0, %inside ], [ %i.next, %fitted ]
  %form = phi ptr [ %forms, %inside ], [ %form.next, %fitted ]
  %i.more = icmp ult i64 %i, %inputs
  br i1 %i.more, label %one, label %close
one:
  %one.view = getelementptr %view, ptr %views, i64 %i
  %fit = call i1 @fits(ptr %one.view, ptr %form)
  ; What is read-only may be a parameter's memory, which an update changes.
  %guarded.at = getelementptr %view, ptr %one.view, i32 0, i32 4
  %guarded = load i32, ptr %guarded.at
  %writable = icmp eq i32 %guarded, 0
  %good = and i1 %fit, %writable
  br i1 %good, label %fitted, label %another
fitted:
  %start = load i64, ptr %one.view
  %bytes.at = getelementptr %form, ptr %form, i32 0, i32 3
  %bytes = load i64, ptr %bytes.at
  %stop = add i64 %start, %bytes
  %range = getelementptr %range, ptr %ranges, i64 %i
  %range.stop = getelementptr %range, ptr %range, i32 0, i32 1
  store i64 %start, ptr %range
  store i64 %stop, ptr %range.stop
  %words = load i64, ptr %form
  %form.next = getelementptr i64, ptr %form, i64 %words
  %i.next = add i64 %i, 1
  br label %compare
another:
  %record.next = load ptr, ptr %record
  br label %records
close:
  %answer = phi ptr [ null, %check ], [ null, %view ], [ null, %records ], [ %record, %compare ]
  br label %closing
closing:
  %left = phi i64 [ %n, %close ], [ %left.less, %release ]
  %rest = icmp ne i64 %left, 0
  br i1 %rest, label %release, label %closed
release:
  %left.less = sub i64 %left, 1
  %release.at = getelementptr %view, ptr %views, i64 %left.less
  call void @PyBuffer_Release(ptr %release.at)
  br label %closing
closed:
  ret ptr %answer
}

; The call proper: outputs, result, native code.
define internal ptr @complete(ptr %head, ptr %record, ptr %ranges, ptr %out) #0 {
entry:
  %outputs.at = getelementptr %head, ptr %head, i32 0, i32 5
  %outputs = load i64, ptr %outputs.at
  %arrays = alloca ptr, i64 %outputs
  %made = call i1 @take_outputs(ptr %head, ptr %record, ptr %ranges, ptr %out, ptr %arrays)
  br i1 %made, label %pack, label %no
pack:
  ; Before the entry runs: an update must not be repeated because there is no memory for a dict.
  %result = call ptr @pack(ptr %head, i64 %outputs, ptr %arrays)
  %packed = icmp ne ptr %result, null
  br i1 %packed, label %run, label %no
run:
  %status = call i64 @run(ptr %head, ptr %record, ptr %ranges)
  %passed = icmp eq i64 %status, 0
  br i1 %passed, label %count, label %failed
count:
  %calls.at = getelementptr %head, ptr %head, i32 0, i32 11
  %calls = load i64, ptr %calls.at
  %more = add i64 %calls, 1
  store i64 %more, ptr %calls.at
  ret ptr %result
failed:
  call void @Py_DecRef(ptr %result)
  ret ptr null
no:
  ret ptr null
}

; A reference of its own to each output's array; none where one cannot be had.
define internal i1 @take_outputs(ptr %head, ptr %record, ptr %ranges, ptr %out, ptr %arrays) #0 {
entry:
  %inputs.at = getelementptr %head, ptr %head, i32 0, i32 4
  %inputs = load i64, ptr %inputs.at
  %outputs.at = getelementptr %head, ptr %head, i32 0, i32 5
  %outputs = load i64, ptr %outputs.at
  %forms.at = getelementptr %record, ptr %record, i32 0, i32 9
  %forms = load ptr, ptr %forms.at
  %sources.at = getelementptr %record, ptr %record, i32 0, i32 10
  %sources = load ptr, ptr %sources.at
  %asked = icmp ne ptr %out, null
  br label %each
each:
  %i = phi i64 [ 0, %entry ], [ %i.next, %took ]
  %form = phi ptr [ %forms, %entry ], [ %form.next, %took ]
  %more = icmp ult i64 %i, %outputs
  br i1 %more, label %one, label %yes
one:
  %number = add i64 %inputs, %i
  %range = getelementptr %range, ptr %ranges, i64 %number
  br i1 %asked, label %given, label %new
given:
  %given.array = call ptr @given_output(ptr %head, ptr %out, i64 %i, ptr %form, ptr %range)
  %is.given = icmp ne ptr %given.array, null
  br i1 %is.given, label %apart, label %undo
apart:
  %clash = call i1 @overlaps(ptr %head, ptr %ranges, i64 %number)
  br i1 %clash, label %refuse, label %took
refuse:
  call void @Py_DecRef(ptr %given.array)
  br label %undo
new:
  %source = getelementptr %source, ptr %sources, i64 %i
  %new.array = call ptr @new_output(ptr %head, ptr %source, ptr %form, ptr %range)
  %is.new = icmp ne ptr %new.array, null
  br i1 %is.new, label %took, label %undo
took:
  %array = phi ptr [ %given.array, %apart ], [ %new.array, %new ]
  %array.at = getelementptr ptr, ptr %arrays, i64 %i
  store ptr %array, ptr %array.at
  %words = load i64, ptr %form
  %form.next = getelementptr i64, ptr %form, i64 %words
  %i.next = add i64 %i, 1
  br label %each
undo:
  call void @release(i64 %i, ptr %arrays)
  ret i1 false
yes:
  ret i1 true
}

; Give back the references to the first %count objects.
define internal void @release(i64 %count, ptr %objects) #0 {
entry:
  br label %each
each:
  %left = phi i64 [ %count, %entry ], [ %less, %one ]
  %more = icmp ne i64 %left, 0
  br i1 %more, label %one, label %done
one:
  %less = sub i64 %left, 1
  %object.at = getelementptr ptr, ptr %objects, i64 %less
  %object = load ptr, ptr %object.at
  call void @Py_DecRef(ptr %object)
  br label %each
done:
  ret void
}

; Whether an array can be written to as it is; its addresses then are in %range.
define internal i1 @read_output(ptr %head, ptr %object, ptr %form, ptr %range) #0 {
entry:
  %view = alloca %view
  %array = call i1 @is_array(ptr %head, ptr %object)
  br i1 %array, label %open, label %no
open:
  %refused = call i32 @PyObject_GetBuffer(ptr %object, ptr %view, i32 61)  ; and writable
  %viewed = icmp eq i32 %refused, 0
  br i1 %viewed, label %check, label %no
check:
  %fit = call i1 @fits(ptr %view, ptr %form)
  %start = load i64, ptr %view
  %bytes.at = getelementptr %form, ptr %form, i32 0, i32 3
  %bytes = load i64, ptr %bytes.at
  %stop = add i64 %start, %bytes
  %stop.at = getelementptr %range, ptr %range, i32 0, i32 1
  store i64 %start, ptr %range
  store i64 %stop, ptr %stop.at
  call void @PyBuffer_Release(ptr %view)
  ret i1 %fit
no:
  ret i1 false
}

; A new reference to the array the caller gave for output %i, or null.
define internal ptr @given_output(ptr %head, ptr %out, i64 %i, ptr %form, ptr %range) #0 {
entry:
  %type = call ptr @PyObject_Type(ptr %out)
  call void @Py_DecRef(ptr %type)
  %dict.at = getelementptr %head, ptr %head, i32 0, i32 3
  %dict = load ptr, ptr %dict.at
  %mapping = icmp eq ptr %type, %dict
  %outputs.at = getelementptr %head, ptr %head, i32 0, i32 5
  %outputs = load i64, ptr %outputs.at
  br i1 %mapping, label %measure, label %plain
measure:
  %size = call i64 @PyDict_Size(ptr %out)
  %whole = icmp eq i64 %size, %outputs
  br i1 %whole, label %get, label %no
get:
  %names.at = getelementptr %head, ptr %head, i32 0, i32 16
  %names = load ptr, ptr %names.at
  %name.at = getelementptr ptr, ptr %names, i64 %i
  %name = load ptr, ptr %name.at
  %value = call ptr @PyDict_GetItem(ptr %out, ptr %name)
  %found = icmp ne ptr %value, null
  br i1 %found, label %check, label %no
plain:
  %only = icmp eq i64 %outputs, 1
  br i1 %only, label %check, label %no
check:
  %array = phi ptr [ %value, %get ], [ %out, %plain ]
  %good = call i1 @read_output(ptr %head, ptr %array, ptr %form, ptr %range)
  br i1 %good, label %yes, label %no
yes:
  call void @Py_IncRef(ptr %array)
  ret ptr %array
no:
  ret ptr null
}

; Whether range %number meets one before it or a parameter.
define internal i1 @overlaps(ptr %head, ptr %ranges, i64 %number) #0 {
entry:
  %own = getelementptr %range, ptr %ranges, i64 %number
  %before = call i1 @meets(ptr %own, ptr %ranges, i64 %number)
  br i1 %before, label %yes, label %parameters
parameters:
  %count.at = getelementptr %head, ptr %head, i32 0, i32 14
  %count = load i64, ptr %count.at
  %places.at = getelementptr %head, ptr %head, i32 0, i32 17
  %places = load ptr, ptr %places.at
  %inside = call i1 @meets(ptr %own, ptr %places, i64 %count)
  ret i1 %inside
yes:
  ret i1 true
}

; Whether a range meets one of %count others.
define internal i1 @meets(ptr %own, ptr %others, i64 %count) #0 {
entry:
  %start = load i64, ptr %own
  %stop.at = getelementptr %range, ptr %own, i32 0, i32 1
  %stop = load i64, ptr %stop.at
  br label %each
each:
  %i = phi i64 [ 0, %entry ], [ %next, %one ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %no
one:
  %other = getelementptr %range, ptr %others, i64 %i
  %other.start = load i64, ptr %other
  %other.stop.at = getelementptr %range, ptr %other, i32 0, i32 1
  %other.stop = load i64, ptr %other.stop.at
  %left = icmp ult i64 %start, %other.stop
  %right = icmp ult i64 %other.start, %stop
  %both = and i1 %left, %right
  %next = add i64 %i, 1
  br i1 %both, label %yes, label %each
yes:
  ret i1 true
no:
  ret i1 false
}

; A new reference to an array that nobody else has: one of two that were outputs before, if only its
; list still holds it and it is as it was made, or a new one.
define internal ptr @new_output(ptr %head, ptr %source, ptr %form, ptr %range) #0 {
entry:
  %list.at = getelementptr %source, ptr %source, i32 0, i32 1
  %list = load ptr, ptr %list.at
  %turn.at = getelementptr %source, ptr %source, i32 0, i32 2
  %turn = load i64, ptr %turn.at
  %kept = icmp ne ptr %list, null
  br i1 %kept, label %try, label %make
try:
  %tries = phi i64 [ 0, %entry ], [ 1, %next ]
  %slot = xor i64 %tries, %turn
  %old = call ptr @PyList_GetItem(ptr %list, i64 %slot)
  %references = load i32, ptr %old
  %idle = icmp eq i32 %references, 1
  br i1 %idle, label %check, label %next
check:
  call void @Py_IncRef(ptr %old)
  %good = call i1 @read_output(ptr %head, ptr %old, ptr %form, ptr %range)
  br i1 %good, label %again, label %changed
again:
  ret ptr %old
changed:
  call void @Py_DecRef(ptr %old)
  call void @PyErr_Clear()
  br label %next
next:
  %last = icmp eq i64 %tries, 1
  br i1 %last, label %make, label %try
make:
  %maker = load ptr, ptr %source
  %new = call ptr @PyObject_CallNoArgs(ptr %maker)
  %is.new = icmp ne ptr %new, null
  br i1 %is.new, label %read, label %no
read:
  %readable = call i1 @read_output(ptr %head, ptr %new, ptr %form, ptr %range)
  br i1 %readable, label %keep, label %drop
keep:
  br i1 %kept, label %insert, label %done
insert:
  %other = xor i64 %turn, 1
  store i64 %other, ptr %turn.at
  call void @Py_IncRef(ptr %new)
  %replaced = call i32 @PyList_SetItem(ptr %list, i64 %turn, ptr %new)
  br label %done
done:
  ret ptr %new
drop:
  call void @Py_DecRef(ptr %new)
  ret ptr null
no:
  ret ptr null
}

; What the call returns, in place of the references to its arrays: the only one, or a dict.
define internal ptr @pack(ptr %head, i64 %outputs, ptr %arrays) #0 {
entry:
  %single.at = getelementptr %head, ptr %head, i32 0, i32 7
  %single = load i64, ptr %single.at
  %alone = icmp ne i64 %single, 0
  br i1 %alone, label %only, label %mapping
only:
  %array = load ptr, ptr %arrays
  ret ptr %array
mapping:
  %dict = call ptr @PyDict_New()
  %made = icmp ne ptr %dict, null
  br i1 %made, label %fill, label %no
fill:
  %names.at = getelementptr %head, ptr %head, i32 0, i32 16
  %names = load ptr, ptr %names.at
  br label %each
each:
  %i = phi i64 [ 0, %fill ], [ %next, %one ]
  %more = icmp ult i64 %i, %outputs
  br i1 %more, label %one, label %filled
one:
  %name.at = getelementptr ptr, ptr %names, i64 %i
  %name = load ptr, ptr %name.at
  %value.at = getelementptr ptr, ptr %arrays, i64 %i
  %value = load ptr, ptr %value.at
  %failed = call i32 @PyDict_SetItem(ptr %dict, ptr %name, ptr %value)
  %good = icmp eq i32 %failed, 0
  %next = add i64 %i, 1
  br i1 %good, label %each, label %lost
filled:
  call void @release(i64 %outputs, ptr %arrays)
  ret ptr %dict
lost:
  call void @Py_DecRef(ptr %dict)
  br label %no
no:
  call void @release(i64 %outputs, ptr %arrays)
  ret ptr null
}

; Runs the entry in the record's frame: its status, or -1 where frame or arena are not to be had.
define internal i64 @run(ptr %head, ptr %record, ptr %ranges) #0 {
entry:
  %claim.at = getelementptr %record, ptr %record, i32 0, i32 3
  %claim = load ptr, ptr %claim.at
  %taken = call i64 @graphc.claim(ptr %claim)
  %mine = icmp ne i64 %taken, 0
  br i1 %mine, label %room, label %no
room:
  %arena.at = getelementptr %record, ptr %record, i32 0, i32 4
  %arena.words = load ptr, ptr %arena.at
  %arena = load i64, ptr %arena.words
  %capacity.at = getelementptr i64, ptr %arena.words, i64 1
  %capacity = load i64, ptr %capacity.at
  %wanted.at = getelementptr %record, ptr %record, i32 0, i32 5
  %wanted = load i64, ptr %wanted.at
  %enough = icmp uge i64 %capacity, %wanted
  br i1 %enough, label %fill, label %give.back
fill:
  %frame.at = getelementptr %record, ptr %record, i32 0, i32 2
  %frame = load ptr, ptr %frame.at
  %sizes.at = getelementptr %record, ptr %record, i32 0, i32 6
  %sizes = load ptr, ptr %sizes.at
  store ptr %sizes, ptr %frame
  %frame.arena = getelementptr i64, ptr %frame, i64 1
  store i64 %arena, ptr %frame.arena
  call void @fill_buffers(ptr %head, ptr %frame, ptr %ranges)
  %lock.at = getelementptr %head, ptr %head, i32 0, i32 9
  %lock.words = load ptr, ptr %lock.at
  %updates = icmp ne ptr %lock.words, null
  br i1 %updates, label %lock, label %call
lock:
  %locked = call i1 @acquire(ptr %head, ptr %lock.words)
  br i1 %locked, label %call, label %give.back
call:
  %status = call i64 @enter(ptr %head, ptr %record, ptr %frame)
  store atomic i64 0, ptr %claim release, align 8
  br i1 %updates, label %unlock, label %done
unlock:
  %release.at = getelementptr %lock, ptr %lock.words, i32 0, i32 1
  %release = load ptr, ptr %release.at
  %nothing = call ptr @PyObject_CallNoArgs(ptr %release)
  call void @Py_DecRef(ptr %nothing)
  br label %done
done:
  ret i64 %status
give.back:
  store atomic i64 0, ptr %claim release, align 8
  br label %no
no:
  ret i64 -1
}

; The addresses of inputs and outputs, into the words that the frame has for them.
define internal void @fill_buffers(ptr %head, ptr %frame, ptr %ranges) {
entry:
  %inputs.at = getelementptr %head, ptr %head, i32 0, i32 4
  %inputs = load i64, ptr %inputs.at
  %outputs.at = getelementptr %head, ptr %head, i32 0, i32 5
  %outputs = load i64, ptr %outputs.at
  %first.at = getelementptr %head, ptr %head, i32 0, i32 6
  %first = load i64, ptr %first.at
  %shift = sub i64 %first, %inputs
  %count = add i64 %inputs, %outputs
  br label %each
each:
  %i = phi i64 [ 0, %entry ], [ %next, %one ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %one, label %done
one:
  %range = getelementptr %range, ptr %ranges, i64 %i
  %address = load i64, ptr %range
  %is.input = icmp ult i64 %i, %inputs
  %base = select i1 %is.input, i64 8, i64 %shift
  %word = add i64 %base, %i
  %word.at = getelementptr i64, ptr %frame, i64 %word
  store i64 %address, ptr %word.at
  %next = add i64 %i, 1
  br label %each
done:
  ret void
}

; Take the state's lock, unless another thread has it; whether it was taken.
define internal i1 @acquire(ptr %head, ptr %lock.words) #0 {
entry:
  %method = load ptr, ptr %lock.words
  %false.at = getelementptr %head, ptr %head, i32 0, i32 12
  %answer = call ptr @PyObject_Vectorcall(ptr %method, ptr %false.at, i64 1, ptr null)  ; no waiting
  %answered = icmp ne ptr %answer, null
  br i1 %answered, label %decide, label %no
decide:
  call void @Py_DecRef(ptr %answer)
  %true.at = getelementptr %head, ptr %head, i32 0, i32 13
  %true = load ptr, ptr %true.at
  %taken = icmp eq ptr %answer, %true
  ret i1 %taken
no:
  ret i1 false
}

; The entry's status; other threads of Python run meanwhile where it takes long.
define internal i64 @enter(ptr %head, ptr %record, ptr %frame) #0 {
entry:
  %run.at = getelementptr %head, ptr %head, i32 0, i32 10
  %run = load ptr, ptr %run.at
  %long.at = getelementptr %record, ptr %record, i32 0, i32 7
  %long.word = load i64, ptr %long.at
  %long = icmp ne i64 %long.word, 0
  br i1 %long, label %let, label %keep
let:
  %thread = call ptr @PyEval_SaveThread()
  %status.long = call i64 %run(ptr %frame)
  call void @PyEval_RestoreThread(ptr %thread)
  ret i64 %status.long
keep:
  %status.short = call i64 %run(ptr %frame)
  ret i64 %status.short
}

; Compiled in half the time, and as fast; what loops is not so.
attributes #0 = { noinline optnone }
