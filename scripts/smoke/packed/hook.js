// What the packed application loads first in the smoke run: the changes that an older Electron needs, then the product's own main file.
import './patches.js'
import '../main/index.js'
