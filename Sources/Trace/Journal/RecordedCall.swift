/// One call of a recording with everything but its tensors.
struct RecordedCall: Hashable {
  var call: Call
  /// States of the recorded taps, in the order of the line.
  var states: [TapState]
  /// Seconds of the stretches that end at the taps of the line, in its order.
  var stretchSeconds: [Double]
  /// Hashes of the recorded taps' tensors, in the order of the line; 0 where there is none.
  var hashes: [UInt64]
  /// How far the recorded taps' numbers may be from what was recorded; empty where all are exact.
  var bounds: [Double]

  init(
    call: Call, states: [TapState], stretchSeconds: [Double], hashes: [UInt64], bounds: [Double] = []
  ) {
    self.call = call
    self.states = states
    self.stretchSeconds = stretchSeconds
    self.hashes = hashes
    self.bounds = bounds
  }

  func write(to fields: inout FieldWriter) {
    for (_, path) in TraceFormat.callIntegers { fields.put(Int64(call[keyPath: path])) }
    for (_, path) in TraceFormat.callNumbers { fields.put(call[keyPath: path]) }
    fields.put(states.map(\.rawValue))
    for seconds in stretchSeconds { fields.put(seconds) }
    for hash in hashes { fields.put(hash) }
    for bound in bounds { fields.put(bound) }
  }

  init(from fields: inout FieldReader, of description: TraceDescription) throws(FieldReader.Failure) {
    call = Call(ordinal: 0, step: 0, position: 0, timestep: 0, sigma: 0, weight: 0)
    for (_, path) in TraceFormat.callIntegers { call[keyPath: path] = try fields.int() }
    for (_, path) in TraceFormat.callNumbers { call[keyPath: path] = try fields.double() }
    let bytes = try fields.take(description.recordedTaps.count)
    states = bytes.compactMap(TapState.init)
    guard states.count == bytes.count else { throw FieldReader.Failure() }
    stretchSeconds = []
    for _ in description.line { stretchSeconds.append(try fields.double()) }
    hashes = []
    for _ in description.recordedTaps { hashes.append(try fields.integer()) }
    bounds = []
    guard description.lossy != nil else { return }
    for _ in description.recordedTaps { bounds.append(try fields.double()) }
  }
}
