import Dispatch
import Synchronization

/// Runs `body` for every index on all cores; the first error by index is thrown.
func concurrently<Failure: Error>(
  _ count: Int, _ progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in },
  _ body: @Sendable (Int) throws(Failure) -> Void
) throws(Failure) {
  let state = Mutex((done: 0, errors: [Int: Failure]()))
  DispatchQueue.concurrentPerform(iterations: count) { index in
    guard state.withLock({ $0.errors.isEmpty }) else { return }
    do throws(Failure) {
      try body(index)
    } catch {
      state.withLock { $0.errors[index] = error }
    }
    let done = state.withLock {
      $0.done += 1
      return $0.done
    }
    progress(done, count)
  }
  if let error = state.withLock({ $0.errors.min { $0.key < $1.key }?.value }) { throw error }
}

/// Runs `body` for every index, with workers, one per core unless given, that bring what they work with.
func concurrently<Worker, Failure: Error>(
  _ count: Int, workers: Int = workerCount, worker: @Sendable (Int) -> Worker,
  _ body: @Sendable (Worker, Int) throws(Failure) -> Void
) throws(Failure) {
  let next = Atomic(0)
  try concurrently(min(count, workers)) { (place: Int) throws(Failure) in
    let worker = worker(place)
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard index < count else { return }
      do throws(Failure) {
        try body(worker, index)
      } catch {
        // The others end after what they are at.
        next.store(count, ordering: .relaxed)
        throw error
      }
    }
  }
}

/// How many workers compress and decompress at a time.
let workerCount = Cores.count

extension Array {
  /// Lends the memory of the elements to workers, which fill it.
  mutating func lending<Failure: Error>(_ body: (ByteBuffer) throws(Failure) -> Void) throws(Failure) {
    var failure: Failure?
    withUnsafeMutableBytes { bytes in
      do throws(Failure) { try body(ByteBuffer(lending: bytes)) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// An array of numbers whose memory workers fill.
  init<Failure: Error>(
    filling count: Int, _ body: (ByteBuffer) throws(Failure) -> Void
  ) throws(Failure) where Element: BitwiseCopyable {
    var failure: Failure?
    self.init(unsafeUninitializedCapacity: count) { elements, filled in
      do throws(Failure) {
        try body(
          ByteBuffer(
            lending: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: elements[..<count]))))
        filled = count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }
}
