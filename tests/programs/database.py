"""Answers into a database, in one transaction."""
import sqlite3

from model import ask, say

with sqlite3.connect("answers.db") as database:
    database.execute("create table answers (number integer primary key, text)")
    for i in range(8):
        database.execute("insert into answers values (?, ?)", (i, ask(f"question {i}")))
for row in database.execute("select * from answers order by number"):
    say(*row)
