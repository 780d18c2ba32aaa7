"""The same prompt many times, and the answer that came most often."""
import collections

from model import ask, say

votes = collections.Counter(ask("how many legs has a spider?").partition(":")[0] for _ in range(6))
say(sorted(votes.items()), votes.most_common(1))
