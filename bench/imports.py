"""Measures one large import, from the upload to the report, as it is served.

    python -m bench.imports [--rows 100000] [--keep FOLDER]

Prints seconds by the clock, processor seconds and the peak of memory (RSS) of the web and of the worker, and writes
them to bench/results/imports.json. On a busy machine only the processor seconds tell something.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from bench.client import HOST, sign_in
from bench.fill import PASSWORD
from bench.folder import RESULTS, data_folder
from bench.site import ROOT, Site, site, used

HEADER = "username,id,name,email,tier,status,monthly price,country,joined,last seen\n"
IMPORT = "/onlyfans/subscribers/import"
BOUNDARY = "----bench"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with data_folder(given.keep) as folder, site(folder, [1_000]) as running, _worker(running, folder) as worker:
        figures = _measure(running, worker, given.rows)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "imports.json").write_text(json.dumps(figures, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:32} {value:>12}")


def _measure(running: Site, worker: psutil.Process, rows: int) -> dict[str, float]:
    cookie = sign_in(running.port, running.workspaces[0].email, PASSWORD)
    content = _file(rows)
    web = running.processes["web"]
    peaks: dict[str, int] = {}
    figures: dict[str, float] = {"rows": rows, "bytes": len(content)}
    before = {**running.processor_seconds(), "worker": used(worker)}
    begin = time.perf_counter()
    with _watching({"web": web, "worker": worker}, peaks):
        page = _post(running.port, cookie, IMPORT, _form(content))
        figures["seconds, upload"] = round(time.perf_counter() - begin, 2)
        _wait_for(running.port, cookie, page, "rows can be imported")
        figures["seconds, checked"] = round(time.perf_counter() - begin, 2)
        _post(running.port, cookie, f"{page}/run", b"")
        report = _wait_for(running.port, cookie, page, "<dt>Added</dt>")
        figures["seconds, report"] = round(time.perf_counter() - begin, 2)
    assert f"<dt>Added</dt><dd>{rows:,}</dd>" in report, report
    after = {**running.processor_seconds(), "worker": used(worker)}
    for name, seconds in after.items():
        figures[f"processor seconds, {name}"] = round(seconds - before[name], 2)
    for name, size in peaks.items():
        figures[f"peak MB, {name}"] = round(size / 2**20, 1)
    return figures


@contextmanager
def _worker(running: Site, folder: Path) -> Iterator[psutil.Process]:
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "worker.py"), "default"], env=running.env, cwd=ROOT, stdout=log, stderr=log
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()


@contextmanager
def _watching(processes: dict[str, psutil.Process], peaks: dict[str, int]) -> Iterator[None]:
    """Notes the largest of each one's processes, looked at every 50 ms."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for name, process in processes.items():
                for each in (process, *process.children(recursive=True)):
                    try:
                        peaks[name] = max(peaks.get(name, 0), each.memory_info().rss)
                    except psutil.NoSuchProcess:
                        continue

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _file(rows: int) -> bytes:
    lines = (
        f"bench.fan{n},{10**9 + n},Fan Number {n},fan{n}@example.test,{('free', 'vip')[n % 2]},active,"
        f"{n % 50}.99,FR,{1 + n % 28:02}/{1 + n % 12:02}/2024,2025-03-{1 + n % 28:02} 18:30\n"
        for n in range(rows)
    )
    return (HEADER + "".join(lines)).encode()


def _form(content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="fans.csv"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


def _post(port: int, cookie: str, path: str, body: bytes) -> str:
    kind = f"multipart/form-data; boundary={BOUNDARY}" if body else "application/x-www-form-urlencoded"
    headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Content-Type": kind}
    connection = http.client.HTTPConnection(HOST, port)
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    if response.status != 303:
        raise RuntimeError(f"{path} was answered with {response.status}.")
    return response.headers["Location"]


def _wait_for(port: int, cookie: str, page: str, words: str) -> str:
    """The page, as soon as it says so; it is looked at ten times a second."""
    while True:
        connection = http.client.HTTPConnection(HOST, port)
        connection.request("GET", page, headers={"Cookie": cookie, "Accept-Language": "en"})
        text = connection.getresponse().read().decode()
        if words in text:
            return text
        if re.search(r'role="alert"', text):
            raise RuntimeError(text)
        time.sleep(0.1)


if __name__ == "__main__":
    main()
