/// What a recording is going to hold: all that is known before its first call.
struct TraceDescription: Hashable, Sendable {
  var header: TraceHeader
  var dtype: StorageType
  var coding: FeatureCoding
  /// With step differences: of so many fresh values of a stream, the first is stored as it is.
  var keyInterval: Int
  var lossy: LossyRule?
  var layouts: [TokenTable]
  /// The recorded taps, each with the name of its layout.
  var taps: [Tap: String]
  /// Calls that the recording will have when nothing interrupts it.
  var plannedCallCount: Int

  /// The recorded taps in the order of the line.
  let recordedTaps: [Tap]
  /// Every tap of the model.
  let line: [Tap]

  /// Throws `invalid` when the description contradicts itself.
  init(
    header: TraceHeader, dtype: StorageType, coding: FeatureCoding, keyInterval: Int, lossy: LossyRule?,
    layouts: [TokenTable], taps: [Tap: String],
    plannedCallCount: Int, path: String
  ) throws(TraceError) {
    if let problem = lossy?.problem ?? Self.problem(keyInterval)
      ?? Self.problem(header, layouts, taps, plannedCallCount)
    {
      throw TraceError(.invalid, path: path, problem)
    }
    self.header = header
    self.dtype = dtype
    self.coding = coding
    self.keyInterval = keyInterval
    self.lossy = lossy
    self.layouts = layouts
    self.taps = taps
    self.plannedCallCount = plannedCallCount
    recordedTaps = taps.keys.sorted()
    line = Tap.line(blockCount: header.blockCount)
  }

  /// What is stored in the datasets of features.
  var element: HDF5Element { Self.element(dtype, coding) }

  static func element(_ dtype: StorageType, _ coding: FeatureCoding) -> HDF5Element {
    switch coding {
    case .plain: dtype.element
    case .stepDelta: dtype.byteCount == 2 ? .uint16 : .uint32
    }
  }

  /// The format version of the trace: old programs read what holds nothing new to them.
  var version: Int {
    let isOld = header.conditions.isEmpty && dtype != .bfloat16 && coding == .plain && lossy == nil
    return isOld ? 1 : TraceFormat.version
  }

  static func problem(_ keyInterval: Int) -> String? {
    guard !(1...TraceFormat.longestKeyInterval).contains(keyInterval) else { return nil }
    return "the key interval must be 1 to \(TraceFormat.longestKeyInterval), it is \(keyInterval)"
  }

  func layout(of tap: Tap) -> TokenTable? {
    taps[tap].flatMap { name in layouts.first { $0.name == name } }
  }

  /// The layout of the chunks' final latents; nil when no recorded tap has it.
  var finalLayout: TokenTable? { layout(of: .output) ?? layout(of: .guided) ?? layout(of: .latent) }

  /// How a tensor of a layout is stored.
  static func blockShape(of layout: TokenTable, _ element: HDF5Element) -> BlockShape {
    BlockShape(
      rowCount: layout.tokens.count, rowByteCount: layout.channelCount * element.byteCount,
      elementByteCount: element.byteCount)
  }

  private static func problem(
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

  /// What keeps a call from being the next one after `count` others, in words.
  func problem(with call: Call, after count: Int) -> String? {
    guard count < plannedCallCount else { return "all \(plannedCallCount) calls have been recorded" }
    return TraceFormat.problem(with: call, at: count, in: header)
  }
}
