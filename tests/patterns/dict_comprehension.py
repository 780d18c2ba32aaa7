"""A dict of independent answers."""
from model import ask, say

CITIES = ("Athens", "Bern", "Cairo", "Delhi", "Evora", "Fes")
for city, answer in {city: ask(f"population of {city}") for city in CITIES}.items():
    say(city, answer)
