"""What verl_check.py and verl_step.py share: problems, the files of a run handed over to verl, a server of made-up answers, and the reward by mrt_reward."""
import json
import os
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HANDOVER = Path(__file__).resolve().parents[2] / "resources" / "handover"
CUES = ["\nAnswer:", "Answer:"]
SETTINGS = {"cues": CUES, "forcedStop": CUES[0], "samples": 4, "answerTokens": 8, "temperature": 1.0, "credit": {"alpha": 0.7, "best_of_k": 1}}
PROBLEMS = {"2 + 2 =": ["4"], "3 * 5 =": ["15"], "7 - 9 =": ["-2"], "16 * 7 =": ["112"]}


def hand_over(folder, settings, files=("mrt_reward.py", "verl_reward.py")):
    """Lays the files of a run into a folder from which Python loads them, and gives the module of the reward."""
    for name in files:
        shutil.copy(HANDOVER / name, folder / name)
    (folder / "settings.json").write_text(json.dumps(settings))
    sys.path.insert(0, str(folder))
    import mrt_reward

    return mrt_reward


def made_up(prompt, samples):
    """Answers on record behind a prompt: how many are right hangs on how long the text is."""
    golds = next(golds for asked, golds in PROBLEMS.items() if prompt.startswith(asked))
    right = min(samples, len(prompt) % (samples + 1))
    return [f" {golds[0]}"] * right + [" 1000"] * (samples - right)


class Server(BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        Server.asked += 1
        text = json.dumps({"choices": [{"text": each} for each in made_up(body["prompt"], body["n"])]}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def serve():
    """Starts the server and names it as verl_reward.py looks for it."""
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ["MRT_SERVER"] = f"http://127.0.0.1:{server.server_port}/v1"
    os.environ["MRT_MODEL"] = "made-up"


def directly(mrt, prompt, text, golds):
    """The reward of a completion with nothing of verl and no server between."""
    J = mrt.sampled_J(
        [text[:offset] for offset in mrt.boundaries_of(text, SETTINGS["cues"])],
        lambda cuts, samples: [made_up(prompt + cut + SETTINGS["forcedStop"], samples) for cut in cuts],
        lambda answer: mrt.is_right(answer, golds),
        SETTINGS["samples"],
    )
    answer = mrt.answer_of(text, SETTINGS["cues"])
    return mrt.reward(1 if answer is not None and mrt.is_right(answer, golds) else 0, J, SETTINGS["credit"]["alpha"], SETTINGS["credit"]["best_of_k"])
