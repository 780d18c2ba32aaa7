"""The day's date in each prompt."""
import datetime

from model import ask, say

for i in range(6):
    say(len(ask(f"today is {datetime.date.today():%A, %d %B %Y}. Appointment {i}?")))
