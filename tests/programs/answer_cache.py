"""A cache of answers in a database, written after each call. How: connection kept (with a journal, "kept", or a log, "wal"), or a
new one for each statement ("each")."""
import contextlib
import sqlite3

from model import ARGS, ask, say

FILE = "cache.db"
HOW = ARGS[0]


def connect():
    return contextlib.closing(sqlite3.connect(FILE))


def cached(database, question):
    with database:
        database.execute("create table if not exists cache (question text primary key, answer text)")
    row = database.execute("select answer from cache where question = ?", (question,)).fetchone()
    return row and row[0]


def keep(database, question, answer):
    with database:
        database.execute("insert into cache values (?, ?)", (question, answer))


def answer_each(question):
    with connect() as database:
        answer = cached(database, question)
    if not answer:
        answer = ask(question)
        with connect() as database:
            keep(database, question, answer)
    return answer


def answer_kept(database, question):
    answer = cached(database, question)
    if not answer:
        answer = ask(question)
        keep(database, question, answer)
    return answer


questions = [f"question {i % 16}" for i in range(20)]
if HOW == "each":
    for text in questions:
        say(answer_each(text))
else:
    with connect() as kept:
        if HOW == "wal":
            kept.execute("pragma journal_mode=wal")
        for text in questions:
            say(answer_kept(kept, text))
