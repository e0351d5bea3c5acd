#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "core/thread_pool.h"

namespace sealedge {
namespace {

unsigned affinity_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::thread::hardware_concurrency();  // more than CPU_SETSIZE processors
}

std::optional<unsigned> whole_cpus(long long quota_us, long long period_us) {
  if (quota_us <= 0 || period_us <= 0) return std::nullopt;
  return static_cast<unsigned>(std::max(1LL, (quota_us + period_us - 1) / period_us));
}

// cgroup v2 cpu.max: "max 100000" or "150000 100000"; v1 keeps the two numbers in two files, -1 meaning no limit.
std::optional<unsigned> quota_in(const std::string& directory) {
  long long quota_us = 0;
  long long period_us = 0;
  if (std::ifstream file(directory + "/cpu.max"); file) {
    if (file >> quota_us >> period_us) return whole_cpus(quota_us, period_us);
    return std::nullopt;
  }
  std::ifstream quota(directory + "/cpu.cfs_quota_us");
  std::ifstream period(directory + "/cpu.cfs_period_us");
  if (quota >> quota_us && period >> period_us) return whole_cpus(quota_us, period_us);
  return std::nullopt;
}

// A limit may sit on any ancestor: the smallest counts.
std::optional<unsigned> smallest_quota(const std::string& root, std::string path) {
  std::optional<unsigned> smallest;
  while (true) {
    const std::optional<unsigned> here = quota_in(root + path);
    if (here && (!smallest || *here < *smallest)) smallest = here;
    const size_t slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return smallest;
    path.resize(slash);
  }
}

std::optional<unsigned> cgroup_quota() {
  // Lines of /proc/self/cgroup: "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1).
  std::ifstream file("/proc/self/cgroup");
  std::optional<unsigned> smallest;
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = controllers == ",,";
    if (!v2 && controllers.find(",cpu,") == std::string::npos) continue;
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    const std::optional<unsigned> found = smallest_quota(v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu", path);
    if (found && (!smallest || *found < *smallest)) smallest = found;
  }
  return smallest;
}

}  // namespace

unsigned default_thread_count() {
  const unsigned cpus = std::max(1u, affinity_count());
  return std::min(cpus, cgroup_quota().value_or(cpus));
}

}  // namespace sealedge
