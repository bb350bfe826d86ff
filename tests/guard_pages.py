"""NumPy arrays between pages that nobody may touch: one byte too far, read or written, kills the process.

``python guard_pages.py end softmax LOG`` makes the calls of a family of `guard_cases.py` with arrays that end where the
next page is protected, ``start`` with arrays that begin right behind such a page. Every array that NumPy allocates is
one: the arguments, and what fastml allocates through NumPy for its results. ``heap`` takes ordinary memory, for tools
that watch that, and may be followed by a number: one of so many calls is made, on one thread. Families may be joined by
commas; the file LOG holds the last case begun.
"""

import ctypes
import faulthandler
import mmap
import os
import sys
import traceback

import numpy as np

SET_HANDLER = 304  # PyDataMem_SetHandler in the table of NumPy's C API
PLACES = ("end", "start")
PAGE = mmap.PAGESIZE


class Allocator(ctypes.Structure):
    """PyDataMemAllocator."""

    _fields_ = [("context", ctypes.c_void_p)] + [(name, ctypes.c_void_p) for name in ("new", "zeros", "resize", "free")]


class Handler(ctypes.Structure):
    """PyDataMem_Handler."""

    _fields_ = [("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("allocator", Allocator)]


def system_calls():
    """Return mmap and mprotect."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return libc.mmap, libc.mprotect


class Fences:
    """Memory at one end of pages of its own, with a protected page on either side; freed pages are used again."""

    def __init__(self, place):
        self.place = place
        self.map, self.protect = system_calls()
        self.spare = {}  # number of pages: the first bytes of those that are free
        self.used = {}  # address: first byte, number of pages, size

    def pages(self, count):
        free = self.spare.setdefault(count, [])
        if free:
            return free.pop()
        first = self.map(None, (count + 2) * PAGE, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)  # no access
        if first is None or first == ctypes.c_void_p(-1).value:
            return None
        if self.protect(first + PAGE, count * PAGE, mmap.PROT_READ | mmap.PROT_WRITE) != 0:
            return None
        return first + PAGE

    def new(self, context, size, fill=0xA5):
        count = (size + PAGE - 1) // PAGE or 1
        first = self.pages(count)
        if first is None:
            return None
        address = first + count * PAGE - size if self.place == "end" else first
        ctypes.memset(address, fill, size)
        self.used[address] = first, count, size
        return address

    def zeros(self, context, count, size):
        return self.new(context, count * size, 0)

    def free(self, context, address, size):
        if address:
            first, count, _ = self.used.pop(address)
            self.spare[count].append(first)

    def resize(self, context, address, size):
        new = self.new(context, size)
        if address and new:
            ctypes.memmove(new, address, min(size, self.used[address][2]))
            self.free(context, address, size)
        return new


class Heap:
    """The C library's allocator without NumPy's cache of small blocks: what Valgrind watches."""

    def __init__(self):
        libc = ctypes.CDLL(None)
        for name, count in (("malloc", 1), ("calloc", 2), ("realloc", 2)):
            call = getattr(libc, name)
            call.restype = ctypes.c_void_p
            call.argtypes = [ctypes.c_void_p] * (name == "realloc") + [ctypes.c_size_t] * (count - (name == "realloc"))
        libc.free.argtypes = [ctypes.c_void_p]
        self.new = lambda context, size: libc.malloc(size)
        self.zeros = lambda context, count, size: libc.calloc(count, size)
        self.resize = lambda context, address, size: libc.realloc(address, size)
        self.free = lambda context, address, size: libc.free(address)


def install(place):
    """Let NumPy allocate between protected pages from now on; return what must be kept alive.

    No exception may be under way when an array is freed: the calls must succeed, those to NumPy too.
    """
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    fences = Heap() if place == "heap" else Fences(place)
    calls = [
        ctypes.CFUNCTYPE(pointer, pointer, size)(fences.new),
        ctypes.CFUNCTYPE(pointer, pointer, size, size)(fences.zeros),
        ctypes.CFUNCTYPE(pointer, pointer, pointer, size)(fences.resize),
        ctypes.CFUNCTYPE(None, pointer, pointer, size)(fences.free),
    ]
    handler = Handler(b"guard_pages", 1, Allocator(None, *(ctypes.cast(call, pointer) for call in calls)))
    capsule_new, capsule_get = ctypes.pythonapi.PyCapsule_New, ctypes.pythonapi.PyCapsule_GetPointer
    capsule_new.restype, capsule_new.argtypes = ctypes.py_object, [pointer, ctypes.c_char_p, pointer]
    capsule_get.restype, capsule_get.argtypes = pointer, [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(capsule_get(np._core.multiarray._ARRAY_API, None), ctypes.POINTER(pointer))
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[SET_HANDLER])
    name = ctypes.c_char_p(b"mem_handler")
    set_handler(capsule_new(ctypes.addressof(handler), name, None))
    return fences, calls, handler, name


def main(place, families, log, one_in=1):
    import guard_cases

    import fastml

    faulthandler.enable()
    kept, failed = install(place), True
    try:
        fastml.set_num_threads(2 if int(one_in) == 1 else 1)  # Valgrind 3.19 hangs at an exit with threads
        print(guard_cases.run(families.split(","), log, int(one_in)), flush=True)
        failed = False
    except Exception:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(not kept or failed)  # at once: what frees NumPy's arrays goes before they do


if __name__ == "__main__":
    main(*sys.argv[1:])
