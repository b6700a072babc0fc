"""Carries frames between the head of a run and its workers on a Ray cluster.

The head starts this program and speaks frames with it over its standard input and output (src-main/cluster/frames.ts says what a frame is). It
starts actors, each of which starts one worker, `mrt worker`, and hands frames to it and back. What is computed, in which shares, what is asked again
and of whom is the head's business; nothing of a frame is read here but its header.

  from the head                                                to the head
  join   address, workers, cpus, command                       joined  worker, node, host  (each), or refused  why
  start  worker                     in the place of a lost one  joined or lost
  drop   worker                     which hangs                 lost  of the call that it was in
  put    name, and bytes            once into the object store  stored  name, ms
  free   name
  call   call, worker, header, stored (a name) or bytes         answer  call, header, and bytes, or lost  worker, why

Needs the package `ray`; the version that it was tried with stands in docs/scale.md.
"""

import json
import os
import struct
import subprocess
import sys
import threading
import time

PREFIX = "<IQ"


def read_exactly(pipe, count):
    parts = []
    while count > 0:
        part = pipe.read(min(count, 1 << 24))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_frame(pipe):
    """A header and its bytes, or None at the end of the pipe."""
    prefix = read_exactly(pipe, struct.calcsize(PREFIX))
    if prefix is None:
        return None
    lengths = struct.unpack(PREFIX, prefix)
    header = read_exactly(pipe, lengths[0])
    body = read_exactly(pipe, lengths[1])
    return None if header is None or body is None else (json.loads(header), body)


def write_frame(pipe, header, body=b""):
    text = json.dumps(header).encode()
    pipe.write(struct.pack(PREFIX, len(text), len(body)) + text)
    pipe.write(body)
    pipe.flush()


def before_worker():
    """Runs in a worker's process before its program: it is not interrupted from a terminal, and on Linux it is killed when its actor is, even where
    it hangs; elsewhere the pipe that it reads ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Worker:
    """One worker process and the pipe to it. Lives where Ray puts it."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=before_worker)

    def about(self):
        import ray

        return {"node": ray.get_runtime_context().get_node_id()[:8], "host": os.uname().nodename, "pid": self.process.pid}

    def call(self, header, body):
        write_frame(self.process.stdin, header, body)
        answer = read_frame(self.process.stdout)
        if answer is None:
            raise RuntimeError(f"the worker ended with code {self.process.wait()}")
        return answer


def main():
    # Whatever Ray prints goes to the standard error: the standard output is the head's.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lock = threading.Lock()

    def tell(header, body=b""):
        with lock:
            write_frame(out, header, body)

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError as error:
        tell({"kind": "refused", "why": f"{sys.executable} has no package ray: {error}"})
        return
    actors = {}
    stored = {}
    asked = {}

    def start(worker):
        # Called in a thread: an actor waits until a node has room for it.
        actor = None
        try:
            actor = ray.remote(Worker).options(num_cpus=asked["cpus"], max_concurrency=1).remote(asked["command"])
            about = ray.get(actor.about.remote(), timeout=120)
            actors[worker] = actor
            tell({"kind": "joined", "worker": worker, **about})
        except Exception as error:
            end(actor)
            tell({"kind": "lost", "worker": worker, "why": first_line(error)})

    def end(actor):
        try:
            ray.kill(actor)
        except Exception:
            pass

    def call(header, body):
        worker = header["worker"]
        actor = actors.get(worker)
        try:
            sent = stored[header["stored"]] if header.get("stored") else body
            answer, result = ray.get(actor.call.remote(header["header"], sent))
            tell({"kind": "answer", "call": header["call"], "header": answer}, result)
        except Exception as error:
            # By now another may be in its place.
            if actors.get(worker) is actor:
                actors.pop(worker, None)
            end(actor)
            tell({"kind": "lost", "worker": worker, "call": header["call"], "why": first_line(error)})

    while True:
        frame = read_frame(sys.stdin.buffer)
        if frame is None:
            break
        header, body = frame
        kind = header["kind"]
        if kind == "join":
            asked.update(header)
            try:
                ray.init(address=header["address"], log_to_driver=False, logging_level="ERROR")
            except Exception as error:
                tell({"kind": "refused", "why": first_line(error)})
                continue
            for worker in range(header["workers"]):
                threading.Thread(target=start, args=(worker,), daemon=True).start()
        elif kind == "start":
            threading.Thread(target=start, args=(header["worker"],), daemon=True).start()
        elif kind == "drop":
            end(actors.pop(header["worker"], None))
        elif kind == "put":
            began = time.monotonic()
            stored[header["name"]] = ray.put(body)
            tell({"kind": "stored", "name": header["name"], "ms": 1000 * (time.monotonic() - began)})
        elif kind == "free":
            stored.pop(header["name"], None)
        elif kind == "call":
            threading.Thread(target=call, args=(header, body), daemon=True).start()
    for actor in actors.values():
        ray.kill(actor)
    ray.shutdown()


def first_line(error):
    """What an error says: of one that Ray brought from elsewhere, its cause."""
    cause = getattr(error, "cause", None)
    lines = [line.strip() for line in str(cause or error).splitlines() if line.strip(" =^~-")]
    return f"{type(cause or error).__name__}: {lines[-1] if lines else ''}"[:300]


if __name__ == "__main__":
    main()
