"""Calls behind functions, classes, map and zip."""
from model import ask, say


class Translator:
    def __init__(self, language):
        self.language = language

    def __call__(self, text):
        return ask(f"{text} in {self.language}")


texts = ("hello", "good night", "thanks")
for text, french, polish in zip(texts, map(Translator("French"), texts), map(Translator("Polish"), texts)):
    say(text, french, polish)
