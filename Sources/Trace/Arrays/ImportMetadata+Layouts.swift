// Layouts as people and as `wctrace export` write them.
extension ImportMetadata {
  /// The token tables by name; throws `invalid` with the place.
  func tokenTables(_ path: String) throws(TraceError) -> [String: TokenTable] {
    var tables: [String: TokenTable] = [:]
    for (name, layout) in layouts {
      let tokens: [TokenTable.Token]
      let modalities = layout.modalities ?? [name]
      switch (layout.grid, layout.tokens) {
      case (let grid?, nil): tokens = try Self.tokens(grid, layout, modalities, path, name)
      case (nil, let list?): tokens = try Self.tokens(list, layout, path, name)
      default:
        throw TraceError(
          .invalid, path: path, at: "layouts.\(name)", "a layout needs either a grid or tokens")
      }
      let table = TokenTable(
        name: name, modalities: modalities, channelCount: layout.channels, tokens: tokens)
      if let problem = TraceFormat.problem(with: table) {
        throw TraceError(.invalid, path: path, at: "layouts.\(name)", problem)
      }
      tables[name] = table
    }
    return tables
  }

  private static func tokens(
    _ grid: [Int], _ layout: Layout, _ modalities: [String], _ path: String, _ name: String
  ) throws(TraceError) -> [TokenTable.Token] {
    let most = 1 << 12
    guard grid.count == 3, grid.allSatisfy({ (1...most).contains($0) }), modalities.count <= most,
      grid.reduce(1, *) <= TraceFormat.largestCount / max(1, modalities.count)
    else {
      throw TraceError(
        .invalid, path: path, at: "layouts.\(name)",
        "the grid must be [frames, rows, columns], each from 1 to \(most)")
    }
    let channels = layout.validChannels ?? modalities.map { _ in layout.channels }
    guard channels.count == modalities.count else {
      throw TraceError(
        .invalid, path: path, at: "layouts.\(name).valid_channels",
        "there must be one number for each of the \(modalities.count) modalities, there are \(channels.count)"
      )
    }
    let (rows, columns) = (grid[1], grid[2])
    return modalities.indices.flatMap { modality in
      (0..<grid.reduce(1, *)).map {
        TokenTable.Token(
          modality: modality, frame: $0 / (rows * columns), row: $0 / columns % rows, column: $0 % columns,
          validChannels: channels[modality])
      }
    }
  }

  private static func tokens(
    _ list: Tokens, _ layout: Layout, _ path: String, _ name: String
  ) throws(TraceError) -> [TokenTable.Token] {
    let place = "layouts.\(name)"
    guard layout.validChannels == nil else {
      throw TraceError(
        .invalid, path: path, at: place, "valid_channels beside tokens must stand within the tokens")
    }
    let count = list.modality.count
    let channels = list.validChannels ?? list.modality.map { _ in layout.channels }
    let valid = list.valid ?? list.modality.map { _ in true }
    guard
      [list.frame.count, list.row.count, list.column.count, channels.count, valid.count]
        .allSatisfy({ $0 == count })
    else {
      throw TraceError(.invalid, path: path, at: place + ".tokens", "the lists must be of one length")
    }
    return (0..<count).map {
      TokenTable.Token(
        modality: list.modality[$0], frame: list.frame[$0], row: list.row[$0], column: list.column[$0],
        validChannels: channels[$0], isValid: valid[$0])
    }
  }
}

extension ImportMetadata.Layout {
  /// Token by token.
  init(_ table: TokenTable) {
    let tokens = table.tokens
    channels = table.channelCount
    modalities = table.modalities
    self.tokens = ImportMetadata.Tokens(
      modality: tokens.map(\.modality), frame: tokens.map(\.frame), row: tokens.map(\.row),
      column: tokens.map(\.column), validChannels: tokens.map(\.validChannels), valid: tokens.map(\.isValid))
  }
}
