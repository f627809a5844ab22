import Dispatch
import Synchronization

// Calls recorded while the model goes on.
extension TraceWriter {
  /// What becomes of the calls that were handed over.
  struct Handover: Sendable {
    /// A call and what is recorded of it.
    struct Entry: Sendable {
      var call: Call
      var states: [Tap: TapState]
      var stretchSeconds: [Tap: Double]
      var features: [Tap: Tensor]
    }

    /// What ended the writer, which whoever brings the next call is told.
    var failure: TraceError?
  }

  /// Adds the next calls on a thread of the writer's own, and returns before they are recorded.
  ///
  /// It first waits for those that were handed over before, so that no more than these tensors are held. They are
  /// packed by half of the cores, since the model is at work on the others. What `append` would throw, the next call of
  /// the writer throws.
  func enqueue(_ entries: [Handover.Entry]) throws(TraceError) {
    try waitUntilRecorded()
    lane.async { [self] in
      do throws(TraceError) {
        for entry in entries { try record(entry, workers: max(1, workerCount / 2)) }
      } catch {
        handover.withLock { $0.failure = error }
      }
    }
  }

  /// Returns when all calls that were handed over are recorded.
  ///
  /// Throws what went wrong with them; the writer has then ended.
  public func waitUntilRecorded() throws(TraceError) {
    lane.sync {}
    if let failure = handover.withLock({ $0.failure }) { throw failure }
  }
}
