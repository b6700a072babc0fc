#include "machine.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif
#if !defined(_WIN32)
#include <sys/resource.h>
#endif

namespace mrt {
namespace {

#if defined(__linux__)

/// Distinct sibling lists among the allowed logical processors, e.g. "0,4" for two threads of one core.
int coresInAffinityMask() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return 0;
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = std::to_string(cpu);
    cores.insert(siblings);
  }
  return static_cast<int>(cores.size());
}

/// The cgroup v2 quota in cores ("max" or "quota period"), or 0 when there is none.
int containerQuota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return static_cast<int>(std::ceil(std::stod(quota) / period));
}

#endif

int countCores() {
#if defined(__linux__)
  const int cores = coresInAffinityMask();
  const int quota = containerQuota();
  return quota > 0 ? std::min(cores, quota) : cores;
#elif defined(__APPLE__)
  int cores = 0;
  std::size_t size = sizeof(cores);
  return sysctlbyname("hw.physicalcpu", &cores, &size, nullptr, 0) == 0 ? cores : 0;
#else
  return static_cast<int>(std::thread::hardware_concurrency() + 1) / 2;
#endif
}

}  // namespace

int physicalCores() { return std::max(1, countCores()); }

double peakResidentBytes() {
#if defined(_WIN32)
  return 0;
#else
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#if defined(__APPLE__)
  return static_cast<double>(usage.ru_maxrss);
#else
  return static_cast<double>(usage.ru_maxrss) * 1024.0;
#endif
#endif
}

}  // namespace mrt
