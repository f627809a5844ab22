import Foundation

/// Examines a stretch of mutants in a process that may die of them.
///
/// Before each mutant a line with its index goes out, after it a line with the verdict; a process that
/// ends in between says by its signal whether it crashed or ran out of time.
struct Worker {
  /// Virtual memory of the process: no file may ask for more.
  static let byteLimit = rlim_t(1_500_000_000)
  private static let processorSeconds = 10
  private static let wallSeconds = UInt32(30)

  let attack: Attack
  let folder: String

  func run(_ indices: some Sequence<Int>) throws {
    var limit = rlimit(rlim_cur: Self.byteLimit, rlim_max: Self.byteLimit)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    // No pictures of the dead.
    limit = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
    let examiner = try Examiner(attack, in: folder)
    for index in indices {
      say("> \(index)")
      limitTime()
      let (verdict, remark) = examiner.verdict(on: attack.mutant(index))
      say("= \(index)\t\(verdict.rawValue)\t\(remark)")
    }
  }

  private func limitTime() {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let used = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    var limit = rlimit(rlim_cur: rlim_t(used + Self.processorSeconds), rlim_max: rlim_t.max)
    setrlimit(__rlimit_resource_t(RLIMIT_CPU.rawValue), &limit)
    alarm(Self.wallSeconds)
  }

  private func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line.replacing("\n", with: " "))\n".utf8))
  }
}
