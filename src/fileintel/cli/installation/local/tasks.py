"""Tasks in this process's database. Whoever works on them is another process."""

import time

from fileintel.cli.installation.contract import Progress, Row, Watcher, raise_where_it_rests
from fileintel.services import control, tasks
from fileintel.workspace import Workspace

POLL_SECONDS = 0.5


class LocalTasks:
    """Work that was handed to workers."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def all(self, limit: int, collection: str | None) -> list[Row]:
        return tasks.list_tasks(self._workspace, limit=limit, collection_name=collection)

    def show(self, task: str) -> Row:
        return tasks.show(self._workspace, task)

    def cancel(self, task: str) -> Row:
        return control.cancel(self._workspace, task)

    def pause(self, task: str) -> Row:
        return control.pause(self._workspace, task)

    def resume(self, task: str) -> Row:
        return control.resume(self._workspace, None, task)

    def retry(self, task: str) -> Row:
        run_id = control.retry(self._workspace, None, task).run_id
        return {"task_id": run_id, "run_id": run_id, "is_new": True}

    def follow(self, task: str, watcher: Watcher) -> Row:
        seen = 0
        while True:
            news = tasks.news(self._workspace, task, seen)
            for event in news.events:
                seen = event["number"]
                watcher.happened(event)
            if news.task["stages"]:
                watcher.progressed(Progress.of(news.task["stages"], news.task["llm"]))
            raise_where_it_rests(news.task)
            if tasks.is_over(news.task):
                return news.task
            time.sleep(POLL_SECONDS)
