/// One call of a recording with everything but its tensors.
struct RecordedCall: Hashable {
  var call: Call
  /// States of the recorded taps, in the order of the line.
  var states: [TapState]
  /// Seconds of the stretches that end at the taps of the line, in its order.
  var stretchSeconds: [Double]

  init(call: Call, states: [TapState], stretchSeconds: [Double]) {
    self.call = call
    self.states = states
    self.stretchSeconds = stretchSeconds
  }

  func write(to fields: inout FieldWriter) {
    for (_, path) in TraceFormat.callIntegers { fields.put(Int64(call[keyPath: path])) }
    for (_, path) in TraceFormat.callNumbers { fields.put(call[keyPath: path]) }
    fields.put(states.map(\.rawValue))
    for seconds in stretchSeconds { fields.put(seconds) }
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
  }
}
