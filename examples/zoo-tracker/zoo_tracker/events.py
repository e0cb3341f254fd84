"""TensorBoard's event files: read, rewritten where a run goes back, and written."""

import contextlib
import socket
import time

import tensorflow as tf

_Event = tf.compat.v1.Event
_Summary = tf.compat.v1.Summary
_Metadata = tf.compat.v1.SummaryMetadata


class EventLog:
    """The log of one run: one file, in which each tag has one value a step.

    Args:
        folder: Where it lies; made if it is missing.
        drop_from: What is known of this step and later ones is dropped, because it is done again.
            How earlier sessions ended is kept. ``None`` keeps everything.

    Attributes:
        is_new: Whether there was nothing to go on with.
        last_step: The latest step that is kept.
        last_status: The latest text of the tag ``status``, or nothing.
    """

    def __init__(self, folder, drop_from=None):
        folder.mkdir(exist_ok=True)
        before = sorted(folder.glob("events.out.tfevents.*"))
        kept = {}
        for event in read_events(folder):
            for value in event.summary.value:
                if value.tag == "status":
                    key = (event.wall_time, "status")
                elif drop_from is None or event.step < drop_from:
                    key = (event.step, value.tag)
                else:
                    continue
                single = _Summary(value=[value])
                kept[key] = _Event(wall_time=event.wall_time, step=event.step, summary=single)
        self.is_new = not kept
        self.last_step = max((event.step for event in kept.values()), default=0)
        statuses = [text_of(event) for (_, tag), event in sorted(kept.items()) if tag == "status"]
        self.last_status = statuses[-1] if statuses else ""
        self._known = {key for key in kept if key[1] != "status"}

        # Written whole under another name first: a log that is cut short is worse than an old one.
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}"
        self._writer = tf.io.TFRecordWriter(str(folder / f".{name}"))
        self._write(_Event(wall_time=time.time(), file_version="brain.Event:2"))
        for event in kept.values():
            self._write(event)
        self._writer.flush()
        (folder / f".{name}").rename(folder / name)
        for file in before:
            file.unlink()

    def scalars(self, step, values):
        """Write numbers by their tags; what the log has of that step already stays."""
        new = {tag: value for tag, value in values.items() if (step, tag) not in self._known}
        self._known |= {(step, tag) for tag in new}
        numbers = [_Summary.Value(tag=tag, simple_value=value) for tag, value in new.items()]
        if numbers:
            self._write(_Event(wall_time=time.time(), step=step, summary=_Summary(value=numbers)))

    def text(self, step, tag, text):
        """Write a text, which TensorBoard shows as Markdown."""
        metadata = _Metadata(plugin_data=_Metadata.PluginData(plugin_name="text"))
        value = _Summary.Value(tag=tag, tensor=tf.make_tensor_proto([text]), metadata=metadata)
        self._write(_Event(wall_time=time.time(), step=step, summary=_Summary(value=[value])))

    def flush(self):
        """Hand everything to the operating system: it survives a kill from here on."""
        self._writer.flush()

    def close(self):
        """Close the file."""
        self._writer.close()

    def _write(self, event):
        self._writer.write(event.SerializeToString())


def read_events(folder):
    """Return the events of a log in the order of its files; what a kill cut off is left out."""
    events = []
    for file in sorted(folder.glob("events.out.tfevents.*")):
        with contextlib.suppress(tf.errors.DataLossError):
            # One by one: those before the place where a file breaks off count.
            events.extend(
                map(_Event.FromString, tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
            )
    return events


def text_of(event):
    """Return the text of an event that holds one."""
    return tf.make_ndarray(event.summary.value[0].tensor)[0].decode()


__all__ = ["EventLog", "read_events", "text_of"]
