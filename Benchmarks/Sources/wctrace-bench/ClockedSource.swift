import Foundation
import Synchronization
import Trace

/// A recorded rollout whose reading is timed: processor seconds, all threads together.
struct ClockedSource: FeatureSource {
  private let reader: TraceReader
  private let nanoseconds = Nanoseconds()

  private final class Nanoseconds: Sendable {
    let value = Atomic<UInt64>(0)
  }

  init(_ reader: TraceReader) { self.reader = reader }

  /// Spent so far on reading and decompressing.
  var readingSeconds: Double { Double(nanoseconds.value.load(ordering: .relaxed)) / 1e9 }

  var path: String { reader.path }
  var header: TraceHeader { reader.header }
  var calls: [Call] { reader.calls }
  var plannedCallCount: Int { reader.plannedCallCount }
  var taps: [Tap] { reader.taps }
  func layout(of tap: Tap) throws(TraceError) -> TokenTable { try reader.layout(of: tap) }
  func state(of tap: Tap, call: Int) throws(TraceError) -> TapState { try reader.state(of: tap, call: call) }
  func rowCountOfBlock(of tap: Tap) throws(TraceError) -> Int { try reader.rowCountOfBlock(of: tap) }
  func stretchSeconds(of tap: Tap) throws(TraceError) -> [Double] { try reader.stretchSeconds(of: tap) }
  func `final`(chunk: Int) throws(TraceError) -> Tensor { try reader.final(chunk: chunk) }

  func rows(_ rows: Range<Int>, of tap: Tap, call: Int) throws(TraceError) -> [Float] {
    let start = threadSeconds()
    defer { nanoseconds.value.wrappingAdd(UInt64((threadSeconds() - start) * 1e9), ordering: .relaxed) }
    return try reader.rows(rows, of: tap, call: call)
  }
}
