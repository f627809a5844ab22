import Foundation

/// A program run to its end, and what the system says it took.
struct ChildUsage {
  var status: Int32
  var seconds: Double
  /// The most memory it had resident at once.
  var megabytes: Double

  /// Runs in a process of its own; its output to standard error, where it does not mix with results.
  init(running program: String, _ arguments: [String]) throws {
    let strings = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for string in strings { free(string) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    let start = ContinuousClock.now
    var child: pid_t = 0
    guard posix_spawn(&child, program, &actions, nil, strings, environ) == 0 else {
      throw CocoaError(.executableLoad, userInfo: [NSFilePathErrorKey: program])
    }
    var ended: Int32 = 0
    var usage = rusage()
    guard wait4(child, &ended, 0, &usage) == child else { throw CocoaError(.executableLoad) }
    status = ended
    seconds = start.duration(to: .now) / .seconds(1)
    megabytes = Double(usage.ru_maxrss) * 1024 / 1e6
  }
}
