"""Prints the text that is on the clipboard of the system, as another program reads it."""
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk

print(Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text() or "", end="")
