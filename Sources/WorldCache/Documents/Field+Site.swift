import Trace

extension Field {
  func site() throws -> Site {
    let allowed = Parameter.site().allowed
    guard let site = Site(name: try text(allowed)) else { throw refused(allowed) }
    return site
  }
}
