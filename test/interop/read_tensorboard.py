"""What TensorBoard's own reader, which checks every CRC, finds in a folder: scalars by tag, as [step, value] in order."""

import glob
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

folder = sys.argv[1]
# How many of each file: at a damaged record it stops reading, in silence.
records = [
    len(list(LegacyEventFileLoader(path).Load())) for path in sorted(glob.glob(f"{folder}/*"))
]
events = EventAccumulator(folder, size_guidance={"scalars": 0})
events.Reload()
scalars = {
    tag: [[event.step, event.value] for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]
}
times = [event.wall_time for event in events.Scalars("train/loss")]
print(json.dumps({"records": records, "scalars": scalars, "ascending": times == sorted(times), "since": times[0]}))
