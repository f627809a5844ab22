import Foundation

/// The processor's cores.
package enum Cores {
  /// How many of them this process may use: those that `taskset` or a container's set of cores leaves it.
  ///
  /// Foundation counts all that are on. Swift does not import `sched_getaffinity`; Linux tells the same here, but for
  /// cores that are off.
  package static let count: Int = {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
    let active = max(1, ProcessInfo.processInfo.activeProcessorCount)
    return min(line.flatMap { count(inList: $0.split(separator: ":")[1]) } ?? active, active)
  }()

  /// The cores of a list such as `0-3,8`; nil for what is none.
  static func count(inList text: some StringProtocol) -> Int? {
    var count = 0
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
        .map { Int($0.trimmingCharacters(in: .whitespaces)) ?? -1 }
      guard (1...2).contains(ends.count), ends[0] >= 0, ends.last! >= ends[0] else { return nil }
      count += ends.last! - ends[0] + 1
    }
    return count
  }
}
