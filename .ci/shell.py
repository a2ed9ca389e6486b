"""The cells of a notebook, executed by this process as a kernel does it.

It is called in a fork that has imported torch and its companions, which a kernel takes seconds for.
"""
import io, sys
from base64 import b64encode
from contextlib import redirect_stderr, redirect_stdout

import matplotlib
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from nbformat.v4 import new_output


class Publisher(DisplayPublisher):
    "What is displayed becomes an output of the cell."
    outputs = []
    def publish(self, data, metadata=None, **how):
        text = {k: b64encode(v).decode() if isinstance(v, bytes) else v for k, v in data.items()}
        self.outputs.append(new_output("display_data", data=text, metadata=metadata or {}))


class Hook(DisplayHook):
    "The value of a cell's last line is displayed as well."
    def write_output_prompt(self): pass
    def write_format_data(self, data, metadata=None): self.shell.display_pub.publish(data, metadata)


class Stream(io.TextIOBase):
    "What is printed becomes an output of the cell, together with what was printed just before."
    def __init__(self, name, outputs): self.name, self.outputs = name, outputs

    def write(self, text):
        last = self.outputs[-1] if self.outputs else {}
        if last.get("name") == self.name: last.text += text
        elif text: self.outputs.append(new_output("stream", name=self.name, text=text))
        return len(text)


class Shell(InteractiveShell):
    "An IPython shell whose cells leave their outputs in order; the last one is the error, if there is one."
    displayhook_class, display_pub_class = Hook, Publisher

    def __init__(self, **how):
        super().__init__(**how)
        self.history_manager.enabled = False
        # as in a kernel: pyplot looks for this module when it makes its first figure
        matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"

    def enable_gui(self, gui=None): pass

    def showtraceback(self, exc_tuple=None, *args, **kwargs):
        kind, value, _ = error = exc_tuple or sys.exc_info()
        lines = self.InteractiveTB.structured_traceback(*error)
        self.display_pub.outputs.append(new_output("error", ename=kind.__name__, evalue=str(value), traceback=lines))

    def showsyntaxerror(self, *args, **kwargs): self.showtraceback()

    def execute(self, cell):
        "Execute a cell, which gets its number and its outputs; was there no error?"
        cell.execution_count = self.execution_count
        cell.outputs = self.display_pub.outputs = outputs = []
        with redirect_stdout(Stream("stdout", outputs)), redirect_stderr(Stream("stderr", outputs)):
            return self.run_cell(cell.source, store_history=True).success
