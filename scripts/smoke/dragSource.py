"""A window of another program, from which files can be dragged: dragSource.py X Y FILE..."""
import sys
import gi
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gio, Gtk

window = Gtk.Window(title="Other files")
window.set_default_size(160, 90)
window.move(int(sys.argv[1]), int(sys.argv[2]))
label = Gtk.EventBox()
label.add(Gtk.Label(label="drag me"))
label.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
label.drag_source_add_uri_targets()
label.connect("drag-data-get", lambda widget, context, data, info, time: data.set_uris([Gio.File.new_for_path(path).get_uri() for path in sys.argv[3:]]))
window.add(label)
window.connect("destroy", Gtk.main_quit)
window.set_keep_above(True)
window.show_all()
Gtk.main()
