"""The CPU as a platform of verl, which has it for CUDA and NPUs only. Loaded by verl itself where VERL_USE_EXTERNAL_MODULES=verl_cpu and VERL_PLATFORM=cpu
stand in the environment: verl's own way of adding a device. The memory of the device, which torch counts for accelerators only, is given as 0. To Ray the
CPU is a GPU: verl asks Ray for GPUs or NPUs only, so Ray has to be told of one.
"""
from contextlib import contextmanager

import torch
from verl.plugin.platform import PlatformBase, PlatformRegistry


class CpuModule:
    """torch.cpu with what verl asks of torch.cuda beyond it."""

    def __getattr__(self, name):
        return getattr(torch.cpu, name)

    def get_device_name(self, *_):
        return "CPU"

    def nothing(self, *_):
        return 0

    empty_cache = ipc_collect = nothing
    memory_allocated = memory_reserved = max_memory_allocated = max_memory_reserved = nothing

    def mem_get_info(self, *_):
        return 0, 0


@PlatformRegistry.register(platform="cpu")
class PlatformCpu(PlatformBase):
    device_name = "cpu"
    vendor_name = "cpu"
    device_module = CpuModule()

    def is_available(self):
        return True

    def current_device(self):
        return torch.device("cpu")

    def device_count(self):
        return 1

    def set_device(self, device_index):
        pass

    def synchronize(self, device_index=None):
        pass

    def manual_seed(self, seed):
        torch.manual_seed(seed)

    def manual_seed_all(self, seed):
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings):
        pass

    def empty_cache(self):
        pass

    def get_device_capability(self, device_index=0):
        return None, None

    def communication_backend_name(self):
        return "gloo"

    def visible_devices_envvar(self):
        return "CPU_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg):
        yield

    def profiler_start(self):
        pass

    def profiler_stop(self):
        pass

    def ray_resource_name(self):
        return "GPU"

    def ray_noset_envvars(self):
        return []

    def is_ipc_supported(self):
        return False

    def cudart(self):
        return None
