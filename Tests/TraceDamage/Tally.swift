import Synchronization

/// Verdicts counted from several threads, with the mutants that failed.
final class Tally: Sendable {
  struct Counts {
    var verdicts: [Verdict: Int] = [:]
    /// What refusals said, and how often.
    var remarks: [String: Int] = [:]
    var failures: [String] = []
  }

  private let counts = Mutex<[String: Counts]>([:])

  func add(_ attack: String, _ index: Int, _ verdict: Verdict, _ remark: String) {
    counts.withLock {
      $0[attack, default: Counts()].verdicts[verdict, default: 0] += 1
      if verdict == .refused { $0[attack]?.remarks[remark, default: 0] += 1 }
      if verdict.isFailure {
        $0[attack]?.failures.append("\(attack), mutant \(index): \(verdict.rawValue) \(remark)")
      }
    }
  }

  subscript(attack: String) -> Counts { counts.withLock { $0[attack] ?? Counts() } }
}
