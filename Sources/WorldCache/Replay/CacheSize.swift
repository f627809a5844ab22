import Trace

/// Numbers that a policy keeps of one guidance branch at most.
public struct CacheSize: Hashable, Sendable {
  /// Cached values at the site: ``Policy/cachedTensorCount`` times the site's tensor.
  public let siteCount: Int
  /// What its signals compare with: one tensor of every quantity that it looks at, where it sees the branch.
  public let signalCount: Int

  public var count: Int { siteCount + signalCount }

  init(of policy: any Policy, over geometry: Geometry) {
    siteCount = policy.site == nil ? 0 : policy.cachedTensorCount * geometry.elementCount
    let quantities = Set(policy.changes(blockCount: geometry.blockCount).map(\.quantity))
    signalCount = quantities.reduce(0) { sum, quantity in
      sum + (geometry.changes.first { $0.key.quantity == quantity }?.value.elementCount ?? 0)
    }
  }
}
