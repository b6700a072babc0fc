"""Opens a process group with gloo in a worker of verl, before verl opens one for a device of its own; nothing where this is not a worker."""
import os

import torch

if "RANK" in os.environ and "MASTER_PORT" in os.environ and not torch.distributed.is_initialized():
    torch.distributed.init_process_group("gloo")
