import Trace

/// Everything that can be read from a trace, to compare two files or two readings of one.
struct WholeTrace: Equatable {
  var header: TraceHeader
  var dtype: StorageType
  var calls: [Call]
  var plannedCallCount: Int
  var layouts: [Tap: TokenTable] = [:]
  var states: [Tap: [TapState]] = [:]
  var features: [Tap: [Tensor?]] = [:]
  var stretches: [Tap: [Double]] = [:]
  var finals: [Tensor] = []

  init(path: String) throws(TraceError) {
    let reader = try TraceReader(path: path)
    header = reader.header
    dtype = reader.dtype
    calls = reader.calls
    plannedCallCount = reader.plannedCallCount
    for tap in reader.taps {
      layouts[tap] = try reader.layout(of: tap)
      states[tap] = try reader.states(of: tap)
      for call in calls.indices {
        let isAbsent = try reader.state(of: tap, call: call) == .absent
        let feature: Tensor? = isAbsent ? nil : try reader.feature(tap, call: call)
        features[tap, default: []].append(feature)
      }
    }
    for tap in Tap.line(blockCount: header.blockCount) { stretches[tap] = try reader.stretchSeconds(of: tap) }
    do throws(TraceError) {
      for chunk in 0..<header.chunkCount { finals.append(try reader.final(chunk: chunk)) }
    } catch {
      guard error.code == .lacking, finals.isEmpty else { throw error }
    }
  }

  /// What is left when only the first calls were recorded, and no final latents.
  func prefix(_ count: Int) -> WholeTrace {
    var whole = self
    whole.calls = Array(calls.prefix(count))
    whole.states = states.mapValues { Array($0.prefix(count)) }
    whole.features = features.mapValues { Array($0.prefix(count)) }
    whole.stretches = stretches.mapValues { Array($0.prefix(count)) }
    whole.finals = []
    return whole
  }
}
