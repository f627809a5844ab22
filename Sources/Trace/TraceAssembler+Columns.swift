// What goes where beside the tensors (docs/trace-format.md).
extension TraceAssembler {
  static func write(_ description: TraceDescription, to attributes: HDF5Attributes) throws(TraceError) {
    let header = description.header
    try attributes.set("format", TraceFormat.name)
    try attributes.set("version", description.version)
    try attributes.set("dtype", description.dtype.rawValue)
    try attributes.set("planned_call_count", description.plannedCallCount)
    try attributes.set("model", header.model)
    try attributes.set("weights_digest", header.weightsDigest)
    try attributes.set("solver", header.solver)
    try attributes.set("shift", header.shift)
    try attributes.set("step_count", header.stepCount)
    try attributes.set("chunk_count", header.chunkCount)
    try attributes.set("branch_count", header.branchCount)
    try attributes.set("block_count", header.blockCount)
    try attributes.set("scene_seed", header.sceneSeed)
    try attributes.set("noise_seed", header.noiseSeed)
    try attributes.set("blas_thread_count", header.blasThreadCount)
    try attributes.set("blas_core", header.blasCore)
    try attributes.set("recorder", header.recorder)
    if description.coding != .plain {
      try attributes.set("coding", description.coding.rawValue)
      try attributes.set("key_interval", description.keyInterval)
    }
    if let lossy = description.lossy {
      try attributes.set("lossy_fraction", lossy.fraction)
      try attributes.set("lossy_percentile", lossy.percentile)
    }
  }

  static func write(
    _ conditions: [Condition], to root: HDF5Group, _ encoder: BlockEncoder
  ) throws(TraceError) {
    guard !conditions.isEmpty else { return }
    let group = try root.makeGroup("conditions")
    for (place, condition) in conditions.enumerated() {
      let inner = try group.makeGroup(String(place))
      try inner.attributes.set("name", condition.name)
      switch condition.value {
      case .text(let text): try inner.attributes.set("text", text)
      case .numbers(let numbers): try writeColumn("numbers", numbers, .float64, to: inner, encoder)
      }
    }
  }

  static func write(_ layouts: [TokenTable], to group: HDF5Group, _ encoder: BlockEncoder) throws(TraceError)
  {
    for layout in layouts {
      let inner = try group.makeGroup(layout.name)
      try inner.attributes.set("modalities", layout.modalities.joined(separator: ","))
      try inner.attributes.set("channels", layout.channelCount)
      for (name, path) in TraceFormat.tokenIntegers {
        try writeColumn(name, layout.tokens.map { Int32($0[keyPath: path]) }, .int32, to: inner, encoder)
      }
      try writeColumn("valid", layout.tokens.map { UInt8($0.isValid ? 1 : 0) }, .uint8, to: inner, encoder)
    }
  }

  /// Writes everything that has one value per call.
  static func writeColumns(
    _ contents: JournalContents, to root: HDF5Group, _ encoder: BlockEncoder
  ) throws(TraceError) {
    let calls = contents.calls
    let group = try root.makeGroup("calls")
    for (name, path) in TraceFormat.callIntegers {
      try writeColumn(name, calls.map { Int32($0.call[keyPath: path]) }, .int32, to: group, encoder)
    }
    for (name, path) in TraceFormat.callNumbers {
      try writeColumn(name, calls.map { $0.call[keyPath: path] }, .float64, to: group, encoder)
    }
    let stateGroup = try root.makeGroup("states")
    for (place, tap) in contents.description.recordedTaps.enumerated() {
      try writeColumn(tap.name, calls.map { $0.states[place].rawValue }, .uint8, to: stateGroup, encoder)
    }
    if contents.description.lossy != nil {
      let boundGroup = try root.makeGroup("bounds")
      for (place, tap) in contents.description.recordedTaps.enumerated() {
        try writeColumn(tap.name, calls.map { $0.bounds[place] }, .float64, to: boundGroup, encoder)
      }
    }
    let stretchGroup = try root.makeGroup("stretches")
    for (place, tap) in contents.description.line.enumerated() {
      try writeColumn(tap.name, calls.map { $0.stretchSeconds[place] }, .float64, to: stretchGroup, encoder)
    }
  }

  private static func writeColumn<Number: BitwiseCopyable>(
    _ name: String, _ numbers: [Number], _ element: HDF5Element, to group: HDF5Group, _ encoder: BlockEncoder
  ) throws(TraceError) {
    let column = try HDF5Dataset(creatingColumn: name, in: group, element: element, count: numbers.count)
    try column.write(numbers, with: encoder)
  }
}
