// What the engine wants to know about the computer: how many cores are worth a thread each.
#pragma once

namespace mrt {

/// Physical cores this process may use: those in its affinity mask, one per pair of hyper-threads,
/// no more than the container's CPU quota rounded up. At least 1.
int physicalCores();

/// Bytes of memory this process has held at most so far; 0 where the system does not say.
double peakResidentBytes();

}  // namespace mrt
