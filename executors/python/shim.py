"""Runs one Python function in its own process. The wire is described in executors/frames.ts: requests on fd 3, answers on
fd 4, both apart from stdout and stderr, which are the function's own. Python 3.8 or later, standard library only.

With perInstance 1 the handler runs in the main thread, where alone signal handlers can be installed."""

import os
import sys

PAYLOAD_LIMIT = 6 * 1024 * 1024
TEXT_LIMIT = 64 * 1024

if sys.version_info < (3, 8):
    os.write(4, b'f{"status":445,"errorType":"ContainerInitError","errorMessage":"functions of runtime python need Python 3.8 or later"}\n')
    sys.exit(1)

# The code folder stands before the standard library: a json.py in there is the function's, not the shim's.
_code_paths = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _standard(name):
    """A module of the standard library, wherever the code folder has one of the same name."""
    known = sys.path[:]
    sys.path[:] = [path for path in known if path not in _code_paths]
    try:
        __import__(name)
    finally:
        sys.path[:] = known
    return sys.modules[name]


_standard("importlib.util")
_standard("json")
_standard("threading")
_standard("time")
_standard("fcntl")

import fcntl
import importlib.util
import json
import threading
import time

# Processes that multiprocessing spawns run the file of __main__ again: there must be none for them to find.
_SHIM = __file__
del __file__

# Away from 3 and 4, which user code may close or write to by mistake, and not inherited by what it starts.
_requests = os.fdopen(fcntl.fcntl(3, fcntl.F_DUPFD_CLOEXEC, 64), "rb", 1 << 16)
_answers = fcntl.fcntl(4, fcntl.F_DUPFD_CLOEXEC, 64)
os.close(3)
os.close(4)
_pid = os.getpid()
_send_lock = threading.Lock()
_dumps = json.dumps
_loads = json.loads
_monotonic = time.monotonic
_start = {}

for _stream in (sys.stdout, sys.stderr):
    _stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
_stdout = sys.stdout
_stderr = sys.stderr


def _send(data):
    # A child that user code forked has no say.
    if os.getpid() != _pid:
        os._exit(1)
    view = memoryview(data + b"\n")
    with _send_lock:
        while view:
            view = view[os.write(_answers, view):]


def _flush():
    for stream in (sys.stdout, sys.stderr, _stdout, _stderr):
        try:
            stream.flush()
        except Exception:
            pass


class _Logger:
    def __init__(self, seq):
        self._seq = seq

    def _write(self, level, message, args):
        text = str(message)
        if args:
            try:
                text = text % (args[0] if len(args) == 1 and isinstance(args[0], dict) and args[0] else args)
            except Exception:
                text = " ".join([text] + [str(arg) for arg in args])
        out = "".join("\0%s%s %s\n" % (level, self._seq, line) for line in text.split("\n"))
        raw = _stdout.raw if isinstance(_stdout, _Marked) else _stdout
        raw.write(out)
        raw.flush()

    def debug(self, message="", *args, **_kwargs):
        self._write("d", message, args)

    def info(self, message="", *args, **_kwargs):
        self._write("i", message, args)

    def warn(self, message="", *args, **_kwargs):
        self._write("w", message, args)

    warning = warn

    def error(self, message="", *args, **_kwargs):
        self._write("e", message, args)


class _Callback(dict):
    """A dict whose members are attributes too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Context(dict):
    """Both clouds' context: SCF's keys are the members, FunctionGraph's methods attributes."""

    def __init__(self, request):
        version = request["version"]
        app = _start["app"]
        dict.__init__(
            self,
            memory_limit_in_mb=_start["memoryMb"],
            time_limit_in_ms=_start["timeoutMs"] if _start["timeoutMs"] is not None else request["limitMs"],
            request_id=request["requestId"],
            environment='{"SCF_NAMESPACE": "%s"}' % app,
            environ="SCF_NAMESPACE=%s;SCF_NAMESPACE=%s" % (app, app),
            function_version="$LATEST" if version == "latest" else version,
            function_name=_start["name"],
            namespace=app,
            tencentcloud_region=os.environ.get("TENCENTCLOUD_REGION", ""),
            tencentcloud_appid=os.environ.get("TENCENTCLOUD_APPID", ""),
            tencentcloud_uin=os.environ.get("TENCENTCLOUD_UIN", ""),
        )
        self.__dict__["_request"] = request
        self.__dict__["attempt"] = request["attempt"]
        self.__dict__["callback"] = _Callback(request["callback"]) if request["callback"] else None
        self.__dict__["traceparent"] = request["traceparent"]

    # Reached by key too, without being shown: a printed context must not give the token away.
    def __missing__(self, key):
        if key in ("attempt", "callback", "traceparent"):
            return self.__dict__[key]
        raise KeyError(key)

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError("context has no attribute %r" % name) from None

    def __str__(self):
        return _dumps(self)

    @property
    def logger(self):
        return _Logger(self._request["seq"])

    def getLogger(self):
        return self.logger

    def getRequestID(self):
        return self._request["requestId"]

    def getRemainingTimeInMilliSeconds(self):
        return max(0, int((self._request["endsAt"] - _monotonic()) * 1000))

    def getRunningTimeInSeconds(self):
        limit = _start["timeoutMs"] if _start["timeoutMs"] is not None else self._request["limitMs"]
        return int(-(-limit // 1000))

    def getUserData(self, key, default=None):
        return _start["userData"].get(key, default)

    def getFunctionName(self):
        return _start["name"]

    def getVersion(self):
        return self._request["version"]

    def getMemorySize(self):
        return _start["memoryMb"]

    def getCPUNumber(self):
        return int(os.environ.get("RUNTIME_CPU", "0"))

    def getPackage(self):
        return _start["app"]

    def getProjectID(self):
        return os.environ.get("RUNTIME_PROJECT_ID", "")

    def getToken(self):
        return ""

    getAccessKey = getSecretKey = getSecurityAccessKey = getSecuritySecretKey = getSecurityToken = getToken


def _error(status, error):
    try:
        message = str(error)
    except Exception:
        message = "an error without a readable message"
    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == _SHIM:
            trace = trace.tb_next
        # Imported here: it costs every start some milliseconds.
        text = "".join(_standard("traceback").format_exception(type(error), error, trace))
        lines = [line for line in text.split("\n") if line != ""]
    except Exception:
        lines = []
    kept, size = [], 0
    for line in lines:
        if size >= TEXT_LIMIT:
            break
        kept.append(line[: TEXT_LIMIT - size])
        size += len(line)
    return {"status": status, "errorType": type(error).__name__, "errorMessage": message[:TEXT_LIMIT], "stackTrace": kept}


def _encode(value):
    """UTF-8 of the JSON. Lone surrogates, which UTF-8 has not, become \\udXXX, which within a string of JSON is their escape."""
    return _dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _report(kind, seq, document):
    _send(b"%s%d %s" % (kind, seq, _dumps(document).encode("ascii")))


def _answer(seq, value):
    problem = None
    try:
        data = _encode(value)
        if len(data) > PAYLOAD_LIMIT:
            problem = (407, "PayloadTooLarge", "the result is over 6 MiB (%d bytes) of JSON" % PAYLOAD_LIMIT)
    except RecursionError:
        problem = (407, "PayloadTooDeep", "the result is nested over 512 levels")
    except MemoryError as error:
        return _report(b"e", seq, _error(430, error))
    except Exception as error:
        problem = (403, "ResultNotJson", "the result cannot become JSON: %s" % error)
    if problem is None:
        _send(b"r%d %s" % (seq, data))
    else:
        _report(b"e", seq, {"status": problem[0], "errorType": problem[1], "errorMessage": problem[2][:TEXT_LIMIT]})


def _run(handler, request, body):
    seq = request["seq"]
    _send(b"a%d" % seq)
    try:
        result = handler(_loads(body), Context(request))
    except SystemExit:
        raise
    except BaseException as error:
        _flush()
        _report(b"e", seq, _error(430, error))
        return
    _flush()
    _answer(seq, result)


class _StartError(Exception):
    def __init__(self, document):
        Exception.__init__(self, document["errorMessage"])
        self.document = document


def _not_found(message):
    return _StartError({"status": 437, "errorType": "HandlerNotFound", "errorMessage": message})


def _load(reference, loaded):
    file, dot, name = reference.rpartition(".")
    if not file or not name:
        raise _not_found("handler %s is not of the form file.function" % reference)
    root = os.environ.get("RUNTIME_CODE_ROOT") or os.getcwd()
    module = loaded.get(file)
    if module is None:
        for candidate in (file, file.replace(".", "/")):
            for path in (os.path.join(root, candidate + ".py"), os.path.join(root, candidate, "__init__.py"), os.path.join(root, candidate)):
                if os.path.isfile(path):
                    break
            else:
                continue
            break
        else:
            raise _not_found("handler %s: no file %s.py in the folder of the code" % (reference, file))
        module = _import(file.replace("/", "."), path, root)
        loaded[file] = module
    function = getattr(module, name, None)
    if not callable(function):
        raise _not_found("handler %s: %s has no function %s" % (reference, file, name))
    return function


def _import(name, path, root):
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(1, folder)
    try:
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        # By its name, so that pickles and imports of it from elsewhere find the same module; the library's own stay.
        if name not in sys.modules:
            sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except SystemExit:
        raise
    except BaseException as error:
        document = _error(443, error)
        document["stackTrace"] = [line for line in document["stackTrace"] if "<frozen importlib" not in line]
        raise _StartError(document)


def _begin():
    global _stdout, _stderr
    line = _requests.readline()
    if not line:
        os._exit(0)
    _start.update(_loads(line))
    if _start["perInstance"] > 1:
        # Before user code, which may keep the streams: logging does.
        sys.stdout = _stdout = _Marked(_stdout, "i")
        sys.stderr = _stderr = _Marked(_stderr, "e")
    root = os.environ.get("RUNTIME_CODE_ROOT") or os.getcwd()
    # In the place of the shim's own folder.
    sys.path[0] = root
    sys.argv = [os.path.join(root, _start["handler"])]
    loaded = {}
    try:
        handler = _load(_start["handler"], loaded)
        if _start["initializer"] is not None:
            initializer = _load(_start["initializer"], loaded)
            limit = _start["initializerTimeoutMs"]
            request = {"seq": 0, "requestId": "", "attempt": 0, "limitMs": limit, "endsAt": _monotonic() + limit / 1000, "callback": None, "traceparent": None, "version": "latest"}
            try:
                initializer(Context(request))
            except SystemExit:
                raise
            except BaseException as error:
                raise _StartError(_error(443, error))
    except _StartError as error:
        _flush()
        _send(b"f" + _dumps(error.document).encode("ascii"))
        os._exit(1)
    _flush()
    info = {"program": sys.executable, "version": "%d.%d.%d" % sys.version_info[:3]}
    _send(b"y" + _dumps(info).encode("ascii"))
    return handler


class _Marked:
    """With several requests at once: each line is marked with the request in whose thread it was written."""

    def __init__(self, raw, level):
        self.raw = raw
        self._level = level
        self._lock = threading.Lock()
        self._rests = {}

    def write(self, text):
        seq = getattr(_local, "seq", "")
        with self._lock:
            lines = (self._rests.pop(seq, "") + text).split("\n")
            rest = lines.pop()
            if rest:
                self._rests[seq] = rest
            self.raw.write("".join("\0%s%s %s\n" % (self._level, seq, line) for line in lines))
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        with self._lock:
            self.raw.flush()

    def end(self, seq):
        with self._lock:
            rest = self._rests.pop(seq, "")
            if rest:
                self.raw.write("\0%s%s %s\n" % (self._level, seq, rest))
            self.raw.flush()

    def __getattr__(self, name):
        return getattr(self.raw, name)


_local = threading.local()


def _request(head):
    seq, request_id, attempt, limit, callback, traceparent, reference = head
    qualifier = reference.partition(":")[2] or "latest"
    return {
        "seq": seq,
        "requestId": request_id,
        "attempt": attempt,
        "limitMs": limit,
        "endsAt": _monotonic() + limit / 1000,
        "callback": callback,
        "traceparent": traceparent,
        "version": "latest" if qualifier == "$LATEST" else qualifier,
    }


def _in_thread(handler, request, body):
    _local.seq = request["seq"]
    try:
        _run(handler, request, body)
    except SystemExit as end:
        # It ends the process, which a thread can do only by force.
        _flush()
        code = end.code
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)
    finally:
        for stream in (_stdout, _stderr):
            stream.end(request["seq"])


def _serve(handler, threads):
    global _flush
    if threads:
        plain_flush = _flush

        def _flush_marked():
            for stream in (_stdout, _stderr):
                stream.end(getattr(_local, "seq", ""))
            plain_flush()

        _flush = _flush_marked
    while True:
        line = _requests.readline()
        if not line:
            _flush()
            os._exit(0)
        if line[:1] != b"q":
            # `c`: what runs in a thread cannot be taken back.
            continue
        request = _request(_loads(line[1:]))
        body = _requests.readline()
        if threads:
            threading.Thread(target=_in_thread, args=(handler, request, body), daemon=True).start()
        else:
            _run(handler, request, body)


if __name__ == "__main__":
    _serve(_begin(), _start["perInstance"] > 1)
