// What the writer puts where (docs/trace-format.md).
extension TraceWriter {
  static func write(_ header: TraceHeader, _ dtype: StorageType, to attributes: HDF5Attributes)
    throws(TraceError)
  {
    try attributes.set("format", TraceFormat.name)
    try attributes.set("version", TraceFormat.version)
    try attributes.set("dtype", dtype.rawValue)
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

  static func makeDatasets(
    _ root: HDF5Group, _ layouts: [String: TokenTable], _ taps: [Tap: String], _ callCount: Int,
    _ dtype: StorageType
  ) throws(TraceError) -> [Tap: HDF5Dataset] {
    let group = try root.makeGroup("taps")
    var datasets: [Tap: HDF5Dataset] = [:]
    for (tap, name) in taps.sorted(by: { $0.key < $1.key }) {
      guard let layout = layouts[name] else { continue }
      let dataset = try HDF5Dataset(
        creatingTensors: tap.name, in: group, element: dtype.element, entries: callCount,
        rows: layout.tokens.count, channels: layout.channelCount)
      try dataset.attributes.set("layout", name)
      datasets[tap] = dataset
    }
    return datasets
  }

  func write(_ feature: Tensor, at entry: Int, to dataset: HDF5Dataset) throws(TraceError) {
    switch dtype {
    case .float32: try dataset.write(feature.values, at: entry, with: encoder)
    case .float16: try dataset.write(feature.values.map { Float16($0).bitPattern }, at: entry, with: encoder)
    }
  }

  /// Writes everything that has one value per call.
  func writeColumns() throws(TraceError) {
    let group = try file.root.makeGroup("calls")
    for (name, path) in TraceFormat.callIntegers {
      try Self.writeColumn(name, calls.map { Int32($0[keyPath: path]) }, .int32, to: group, encoder)
    }
    for (name, path) in TraceFormat.callNumbers {
      try Self.writeColumn(name, calls.map { $0[keyPath: path] }, .float64, to: group, encoder)
    }
    let stateGroup = try file.root.makeGroup("states")
    for (tap, column) in states.sorted(by: { $0.key < $1.key }) {
      try Self.writeColumn(tap.name, column, .uint8, to: stateGroup, encoder)
    }
    let stretchGroup = try file.root.makeGroup("stretches")
    for tap in line {
      try Self.writeColumn(tap.name, stretches[tap] ?? [], .float64, to: stretchGroup, encoder)
    }
  }

  private static func writeColumn<Number: BitwiseCopyable>(
    _ name: String, _ numbers: [Number], _ element: HDF5Element, to group: HDF5Group, _ encoder: BlockEncoder
  ) throws(TraceError) {
    let column = try HDF5Dataset(creatingColumn: name, in: group, element: element, count: numbers.count)
    try column.write(numbers, with: encoder)
  }
}

// What the writer refuses, in words; nil when all is well.
extension TraceWriter {
  // From here on values round to infinity: half a step above the largest float16, 65504.
  private static let float16Overflow: Float = 65520

  static func problem(
    _ header: TraceHeader, _ layouts: [TokenTable], _ taps: [Tap: String], _ callCount: Int
  ) -> String? {
    if let problem = TraceFormat.problem(with: header) { return problem }
    guard (1...TraceFormat.largestCount).contains(callCount) else {
      return "the number of calls must be 1 to \(TraceFormat.largestCount), it is \(callCount)"
    }
    let names = Set(layouts.map(\.name))
    guard names.count == layouts.count, names.count <= TraceFormat.mostLayouts else {
      return "each layout needs a name of its own"
    }
    for layout in layouts {
      if let problem = TraceFormat.problem(with: layout) { return problem }
    }
    let line = Set(Tap.line(blockCount: header.blockCount))
    guard !taps.isEmpty else { return "a trace must record at least one tap" }
    for (tap, name) in taps.sorted(by: { $0.key < $1.key }) {
      guard line.contains(tap) else { return "a model with \(header.blockCount) blocks has no tap \(tap)" }
      guard names.contains(name) else { return "the tap \(tap) names a layout '\(name)' that is not given" }
    }
    return nil
  }

  func problem(
    _ call: Call, _ states: [Tap: TapState], _ stretchSeconds: [Tap: Double], _ features: [Tap: Tensor]
  ) -> String? {
    guard calls.count < callCount else { return "all \(callCount) calls have been recorded" }
    if let problem = TraceFormat.problem(with: call, at: calls.count, in: header) { return problem }
    for tap in Set(states.keys).union(features.keys).sorted() {
      guard let name = taps[tap], let layout = layouts[name] else {
        return "the tap \(tap) is not recorded here"
      }
      guard (features[tap] != nil) == (states[tap].map { $0 != .absent } ?? true) else {
        return "the tap \(tap) must have a tensor exactly when it is not absent"
      }
      guard let feature = features[tap] else { continue }
      if let problem = Self.problem(feature, layout) { return "at the tap \(tap), \(problem)" }
      if dtype == .float16,
        feature.values.contains(where: { $0.isFinite && $0.magnitude >= Self.float16Overflow })
      {
        return "a value at the tap \(tap) is too large for float16; record as float32"
      }
    }
    for tap in stretchSeconds.keys where stretches[tap] == nil {
      return "a model with \(header.blockCount) blocks has no tap \(tap)"
    }
    return nil
  }

  static func problem(_ tensor: Tensor, _ layout: TokenTable) -> String? {
    guard tensor.rows != layout.tokens.count || tensor.columns != layout.channelCount else { return nil }
    return """
      the tensor must be \(layout.tokens.count) x \(layout.channelCount) as the layout \(layout.name) says, \
      it is \(tensor.rows) x \(tensor.columns)
      """
  }
}
