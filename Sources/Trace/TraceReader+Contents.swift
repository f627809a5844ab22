// Everything that is read and checked when a trace is opened.
extension TraceReader {
  struct Contents {
    var header: TraceHeader
    var dtype: StorageType
    var coding: FeatureCoding
    var keyInterval: Int
    var lossy: LossyRule?
    var calls: [Call]
    var plannedCallCount: Int
    var digest: TraceDigest?
    var recorded: [Tap: RecordedTap] = [:]
    var stretches: [Tap: [Double]] = [:]
    var finalLatents: HDF5Dataset?

    init(of file: HDF5File) throws(TraceError) {
      let root = file.root
      try Self.checkFormat(root)
      header = try Self.header(root)
      let dtypeName = try root.attributes.string("dtype")
      guard let dtype = StorageType(rawValue: dtypeName) else {
        throw root.place.error("features cannot be stored as '\(dtypeName)'")
      }
      self.dtype = dtype
      (coding, keyInterval) = try Self.coding(root)
      if try root.attributes.contains("lossy_fraction") {
        let rule = LossyRule(
          fraction: try root.attributes.double("lossy_fraction"),
          percentile: try root.attributes.double("lossy_percentile"))
        if let problem = rule.problem { throw root.place.error(problem) }
        lossy = rule
      }
      calls = try Self.calls(root.group("calls"), header)
      plannedCallCount = try Self.plannedCallCount(root, calls.count)
      digest = try Self.digest(root)
      let layouts = try Self.layouts(root.group("layouts"))
      try readTaps(root, layouts)
      if try root.contains("final") {
        let (latents, layout) = try Self.tensors(
          "final", in: root, .float32, entries: header.chunkCount, layouts)
        let own = recorded[.output] ?? recorded[.guided] ?? recorded[.latent]
        guard own?.layout == layout else {
          throw latents.place.error(
            "final latents have the layout of the first recorded one of the taps output, guided and latent")
        }
        finalLatents = latents
      }
    }

    // Which format, which version, and whether the recording came to its end.
    private static func checkFormat(_ root: HDF5Group) throws(TraceError) {
      let path = root.place.path
      guard try root.attributes.contains("format"), try root.attributes.string("format") == TraceFormat.name
      else {
        throw TraceError(.notATrace, path: path, "this is an HDF5 file, but not a wctrace trace")
      }
      let version = try root.attributes.int("version")
      guard version <= TraceFormat.version else {
        throw TraceError(
          .newerVersion, path: path,
          "the trace has format version \(version), this program reads up to \(TraceFormat.version)")
      }
      guard version >= 1 else { throw root.place.error("there is no format version \(version)") }
      guard try root.attributes.contains("complete"), try root.attributes.byte("complete") == 1 else {
        throw TraceError(.unfinished, path: path, "the recording was never finished")
      }
    }

    private static func header(_ root: HDF5Group) throws(TraceError) -> TraceHeader {
      let attributes = root.attributes
      let header = TraceHeader(
        model: try attributes.string("model"), weightsDigest: try attributes.string("weights_digest"),
        solver: try attributes.string("solver"), shift: try attributes.double("shift"),
        stepCount: try attributes.int("step_count"), chunkCount: try attributes.int("chunk_count"),
        branchCount: try attributes.int("branch_count"), blockCount: try attributes.int("block_count"),
        sceneSeed: try attributes.int("scene_seed"), noiseSeed: try attributes.int("noise_seed"),
        blasThreadCount: try attributes.int("blas_thread_count"),
        blasCore: try attributes.string("blas_core"),
        recorder: try attributes.string("recorder"), conditions: try conditions(root))
      if let problem = TraceFormat.problem(with: header) { throw root.place.error(problem) }
      return header
    }

    private static func conditions(_ root: HDF5Group) throws(TraceError) -> [Condition] {
      guard try root.contains("conditions") else { return [] }
      let group = try root.group("conditions")
      var conditions: [Condition] = []
      for place in 0..<(try group.names(limit: TraceFormat.mostConditions).count) {
        let inner = try group.group(String(place))
        let name = try inner.attributes.string("name")
        if try inner.attributes.contains("text") {
          conditions.append(Condition(name, try inner.attributes.string("text")))
        } else {
          let column = try HDF5Dataset(
            openingColumn: "numbers", in: inner, element: .float64, count: nil, limit: TraceFormat.mostNumbers
          )
          conditions.append(Condition(name, try column.read()))
        }
      }
      return conditions
    }

    private static func coding(_ root: HDF5Group) throws(TraceError) -> (FeatureCoding, keyInterval: Int) {
      guard try root.attributes.contains("coding") else { return (.plain, 1) }
      let name = try root.attributes.string("coding")
      guard let coding = FeatureCoding(rawValue: name) else {
        throw root.place.error("features cannot be coded as '\(name)'")
      }
      let keyInterval = try root.attributes.int("key_interval")
      if let problem = TraceDescription.problem(keyInterval) { throw root.place.error(problem) }
      return (coding, keyInterval)
    }

    private static func calls(_ group: HDF5Group, _ header: TraceHeader) throws(TraceError) -> [Call] {
      let count = try HDF5Dataset(openingColumn: "ordinal", in: group, element: .int32, count: nil).extent[0]
      let empty = Call(ordinal: 0, step: 0, position: 0, timestep: 0, sigma: 0, weight: 0)
      var calls = [Call](repeating: empty, count: count)
      for (name, path) in TraceFormat.callIntegers {
        let column: [Int32] = try Self.column(name, group, .int32, count)
        for (index, value) in column.enumerated() { calls[index][keyPath: path] = Int(value) }
      }
      for (name, path) in TraceFormat.callNumbers {
        let column: [Double] = try Self.column(name, group, .float64, count)
        for (index, value) in column.enumerated() { calls[index][keyPath: path] = value }
      }
      for (index, call) in calls.enumerated() {
        if let problem = TraceFormat.problem(with: call, at: index, in: header) {
          throw group.place.error(problem)
        }
      }
      return calls
    }

    // Traces written before there were interrupted ones do not say.
    private static func plannedCallCount(_ root: HDF5Group, _ count: Int) throws(TraceError) -> Int {
      guard try root.attributes.contains("planned_call_count") else { return count }
      let planned = try root.attributes.int("planned_call_count")
      guard (count...TraceFormat.largestCount).contains(planned) else {
        throw root.place.error("\(planned) calls were planned and there are \(count)")
      }
      return planned
    }

    private static func digest(_ root: HDF5Group) throws(TraceError) -> TraceDigest? {
      guard try root.attributes.contains("digest") else { return nil }
      guard let digest = TraceDigest(try root.attributes.string("digest")) else {
        throw root.place.error("a digest has 16 hexadecimal digits")
      }
      return digest
    }

    private static func layouts(_ group: HDF5Group) throws(TraceError) -> [String: TokenTable] {
      var layouts: [String: TokenTable] = [:]
      for name in try group.names(limit: TraceFormat.mostLayouts) {
        let inner = try group.group(name)
        let empty = TokenTable.Token(modality: 0, frame: 0, row: 0, column: 0, validChannels: 0)
        let valid = try HDF5Dataset(openingColumn: "valid", in: inner, element: .uint8, count: nil)
        let isValid: [UInt8] = try valid.read()
        guard isValid.allSatisfy({ $0 <= 1 }) else { throw valid.place.error("the entries must be 0 or 1") }
        var tokens = [TokenTable.Token](repeating: empty, count: isValid.count)
        for (index, value) in isValid.enumerated() { tokens[index].isValid = value == 1 }
        for (columnName, path) in TraceFormat.tokenIntegers {
          let column: [Int32] = try Self.column(columnName, inner, .int32, tokens.count)
          for (index, value) in column.enumerated() { tokens[index][keyPath: path] = Int(value) }
        }
        let modalities = try inner.attributes.string("modalities")
          .split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let layout = TokenTable(
          name: name, modalities: modalities, channelCount: try inner.attributes.int("channels"),
          tokens: tokens)
        if let problem = TraceFormat.problem(with: layout) { throw inner.place.error(problem) }
        layouts[name] = layout
      }
      return layouts
    }

    private mutating func readTaps(_ root: HDF5Group, _ layouts: [String: TokenTable]) throws(TraceError) {
      let line = Tap.line(blockCount: header.blockCount)
      let group = try root.group("taps")
      let stateGroup = try root.group("states")
      for name in try group.names(limit: line.count) {
        guard let tap = Tap(name: name), line.contains(tap) else {
          throw group.place.inside(name).error(
            "a model with \(header.blockCount) blocks has no tap of this name")
        }
        let (features, layout) = try Self.tensors(
          name, in: group, TraceDescription.element(dtype, coding), entries: calls.count, layouts)
        let column: [UInt8] = try Self.column(name, stateGroup, .uint8, calls.count)
        let states = column.compactMap(TapState.init)
        guard states.count == column.count else {
          throw stateGroup.place.inside(name).error("a state must be 0 to \(TapState.allCases.count - 1)")
        }
        recorded[tap] = RecordedTap(
          tap: tap, layout: layout, states: states, features: features,
          bounds: try bounds(name, states, root))
      }
      guard !recorded.isEmpty else { throw group.place.error("there must be at least one tap") }
      let stretchGroup = try root.group("stretches")
      for tap in line { stretches[tap] = try Self.column(tap.name, stretchGroup, .float64, calls.count) }
    }

    private func bounds(
      _ name: String, _ states: [TapState], _ root: HDF5Group
    ) throws(TraceError) -> [Double] {
      guard lossy != nil else { return [] }
      let group = try root.group("bounds")
      let bounds: [Double] = try Self.column(name, group, .float64, calls.count)
      let before = StreamHistory.predecessors(calls, states)
      for (call, bound) in bounds.enumerated() {
        guard bound == 0 || (LossyRule.isBound(bound) && states[call] != .absent && before[call] != nil)
        else {
          throw group.place.inside(name).error(
            "the bound of call \(call) must be 0, or a power of two after the first value of a stream")
        }
      }
      return bounds
    }

    // Opens a dataset of tensors, whose shape must be that of the layout it names.
    private static func tensors(
      _ name: String, in group: HDF5Group, _ element: HDF5Element, entries: Int,
      _ layouts: [String: TokenTable]
    ) throws(TraceError) -> (HDF5Dataset, TokenTable) {
      let dataset = try HDF5Dataset(opening: name, in: group, elements: [element], rank: 3)
      let layoutName = try dataset.attributes.string("layout")
      guard let layout = layouts[layoutName] else {
        throw dataset.place.error("there is no layout '\(layoutName)'")
      }
      try dataset.requireTensors(entries: entries, rows: layout.tokens.count, channels: layout.channelCount)
      return (dataset, layout)
    }

    private static func column<Number: BitwiseCopyable & ExpressibleByIntegerLiteral>(
      _ name: String, _ group: HDF5Group, _ element: HDF5Element, _ count: Int
    ) throws(TraceError) -> [Number] {
      try HDF5Dataset(openingColumn: name, in: group, element: element, count: count).read()
    }
  }
}
