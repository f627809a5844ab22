import Trace

extension ReplayTable {
  /// Everything that replays found, for programs: per call the decision, its reason, signal, threshold and
  /// errors; per token the total error; per token set and branch the errors.
  public static func json(
    _ rows: [ReplayRow], traces: [String], sites: [String: ReplaySite], summary: Table?,
    misfits: [Misfit] = []
  ) -> JSONValue {
    let replays = rows.map { row -> JSONValue in
      guard case .object(let members) = row.json else { return .null }
      return .object(traces.count > 1 ? [("trace", .string(traces[row.trace]))] + members : members)
    }
    var members: [(String, JSONValue)] = [
      ("kind", .string("open-loop replay")),
      ("token_fields", .array(["modality", "frame", "row", "column"].map { .string($0) })),
      ("sites", .object(sites.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })),
      ("replays", .array(replays)),
    ]
    if let summary { members.append(("summary", summary.json)) }
    if !misfits.isEmpty { members.append(("cannot_run", .array(misfits.map(\.json)))) }
    return .object(members)
  }

  static func json(_ replay: Replay, _ options: FigureOptions) -> JSONValue {
    var members: [(String, JSONValue)] = [("policy", .string(replay.spec.description))]
    members += ReplayColumn.all.filter { $0.key != "policy" }
      .map { ($0.key, $0.cell(replay, options).json) }
    members.append(("tolerance", .number(options.tolerance)))
    members.append(("bytes_per_number", .integer(options.bytesPerNumber)))
    members.append(("cosine_of", .string(cachedQuantity(replay.site))))
    members.append(("error_growth", numbers(replay.errorGrowth)))
    if let details = replay.details {
      members.append(("modalities", .array(details.slices(of: .modality).map { json($0) })))
      members.append(("frames", .array(details.slices(of: .frame).map { json($0) })))
      members.append(("branches", .array(details.branches.map { json($0) })))
      members.append(("groups", .array(details.bottlenecks.groups.map { json($0) })))
      members.append(
        (
          "bottlenecks",
          .array(
            details.bottlenecks.ranking.prefix(100).map { entry in
              .object([
                ("token", .integer(entry.token)), ("share", .number(entry.share)),
                ("group_fractions", numbers(details.bottlenecks.groupShares(of: entry.token))),
              ])
            })
        ))
    }
    members.append(("chunks", .array(replay.streams.map { json($0) })))
    return .object(members)
  }

  // What the cosine is of: the value at the end of the stretch, or its difference to the beginning.
  private static func cachedQuantity(_ site: Site) -> String {
    switch site {
    case .output, .guided: site.name
    case .hidden: "hidden.L"
    case .gain: "output - latent"
    case .stack: "hidden.L - hidden.0"
    case .rest(let after, let tail):
      (tail == 0 ? "hidden.L" : "block.(L-\(tail))") + " - block.\(after)"
    }
  }

  private static func json(_ slice: SliceFigures) -> JSONValue {
    .object(
      [
        ("name", .string(slice.name)), ("tokens", .integer(slice.tokenCount)),
        ("share_percent", optional(slice.share.map { $0 * 100 })),
        ("direct_error", optional(slice.directError)), ("streak_error", optional(slice.streakError)),
        ("worst_call_error", .number(slice.worstCallError)),
        ("mean_call_error", .number(slice.meanCallError)),
        ("worst_token_error", .number(slice.worstTokenError)),
      ] + zip(CallFigures.levelNames, slice.quantiles).map { ("token_error_\($0)", .number($1)) } + [
        ("cosine", optional(slice.meanCosine)), ("lowest_cosine", optional(slice.lowestCosine)),
        ("error_growth", numbers(slice.growth)),
      ])
  }

  private static func json(_ group: Bottlenecks.Group) -> JSONValue {
    .object([
      ("group", .string(group.name)), ("token_fraction", .number(group.tokenShare)),
      ("error_fraction", optional(group.errorShare)), ("lift", optional(group.lift)),
    ])
  }

  private static func json(_ stream: StreamReplay) -> JSONValue {
    .object(
      [
        ("chunk", .integer(stream.chunk)),
        (
          "calls",
          .array(
            stream.lanes.enumerated().flatMap { lane, decisions in
              decisions.enumerated().map { call(stream, lane, $0, $1) }
            })
        ),
        ("token_squared_error", numbers(stream.tokenSquaredErrors)),
      ] + (stream.details.map { [("errors", errors($0))] } ?? []))
  }

  private static func call(
    _ stream: StreamReplay, _ lane: Int, _ position: Int, _ decision: Decision
  ) -> JSONValue {
    .object([
      ("position", .integer(position)), ("lane", .integer(lane)), ("step", .integer(stream.steps[position])),
      ("sigma", .number(stream.sigmas[position])),
      ("decision", .string(decision.action.rawValue)), ("reason", .string(decision.reason.rawValue)),
      ("signal", optional(decision.signal)), ("threshold", optional(decision.threshold)),
      ("error", numbers(stream.callErrors.map { $0[position] })),
      ("worst_token_error", .number(stream.worstTokenErrors[position])),
      ("attempt_error", optional(stream.details?.attemptErrors[lane][position])),
      ("near_tie", stream.nearTies.map { .bool($0[lane][position]) } ?? .null),
    ])
  }

  // One object for each token set and branch, with one entry per call; null where computed.
  private static func errors(_ details: StreamDetails) -> JSONValue {
    .array(
      details.sets.enumerated().flatMap { index, set in
        details.calls[index].enumerated().map { branch, calls in
          func row(_ value: (CallFigures) -> Double?) -> JSONValue {
            .array(calls.map { optional($0.flatMap(value)) })
          }
          return .object(
            [
              ("set", .string(set.kind.rawValue)), ("name", .string(set.name)), ("branch", .integer(branch)),
              ("error", row(\.error)), ("cosine", row(\.cosine)), ("worst_token_error", row(\.worstToken)),
            ]
              + CallFigures.levelNames.enumerated().map { place, name in (name, row { $0.quantiles[place] }) }
          )
        }
      })
  }

  private static func numbers(_ values: [Double]) -> JSONValue { .array(values.map { .number($0) }) }
  private static func optional(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
}

/// The tokens of a site that replays were measured at.
public struct ReplaySite: Sendable {
  let json: JSONValue

  public init(_ replay: Replay) {
    let tokens = replay.tokens.map { token in
      JSONValue.array([
        .string(replay.modalities[token.modality]), .integer(token.frame), .integer(token.row),
        .integer(token.column),
      ])
    }
    json = .object([("tokens", .array(tokens))])
  }
}
