import Dispatch
import Synchronization
import Trace

/// Jobs on several cores, whose results stand in order.
package enum OrderedJobs {
  /// Runs `job` for 0 to `count` − 1, `workerCount` at a time; throws the first error by number.
  ///
  /// `finished` is told how many are done, one call at a time.
  package static func run<Outcome: Sendable>(
    _ count: Int, workerCount: Int, finished: @Sendable (_ done: Int) -> Void = { _ in },
    _ job: @Sendable (Int) throws -> Outcome
  ) throws -> [Outcome] {
    let state = Mutex(State<Outcome>(count: count))
    DispatchQueue.concurrentPerform(iterations: min(workerCount, count)) { _ in
      // Jobs are begun in order, so that the first one that fails is always among those that were begun.
      while let number = state.withLock({ $0.next() }) {
        do {
          let outcome = try job(number)
          state.withLock {
            $0.finish(number, outcome)
            finished($0.doneCount)
          }
        } catch {
          state.withLock { $0.fail(number, error) }
        }
      }
    }
    return try state.withLock { try $0.outcomes() }
  }

  /// Runs `job` for 0 to `count` − 1 on all cores, `batch` of them to a job: for work too short to be handed out one by
  /// one. `progress` is told how many are done, of how many.
  static func run<Outcome: Sendable>(
    _ count: Int, inBatchesOf batch: Int, progress: @Sendable (_ done: Int, _ total: Int) -> Void,
    _ job: @Sendable (Int) throws -> Outcome
  ) throws -> [Outcome] {
    try run(
      (count + batch - 1) / batch, workerCount: Cores.count,
      finished: { progress(min($0 * batch, count), count) }
    ) { number in
      try ((number * batch)..<min((number + 1) * batch, count)).map(job)
    }.flatMap { $0 }
  }

  private struct State<Outcome: Sendable>: Sendable {
    private var results: [Outcome?]
    private var begun = 0
    private(set) var doneCount = 0
    private var failure: (job: Int, error: any Error)?

    init(count: Int) { results = Array(repeating: nil, count: count) }

    mutating func next() -> Int? {
      guard begun < results.count, failure == nil else { return nil }
      begun += 1
      return begun - 1
    }

    mutating func finish(_ job: Int, _ outcome: Outcome) {
      results[job] = outcome
      doneCount += 1
    }

    mutating func fail(_ job: Int, _ error: any Error) {
      if failure.map({ job < $0.job }) ?? true { failure = (job, error) }
    }

    func outcomes() throws -> [Outcome] {
      if let failure { throw failure.error }
      return results.map { $0! }
    }
  }
}
