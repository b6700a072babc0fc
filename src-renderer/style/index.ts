/** The one import a page's entry makes to be dressed. */
import './tokens.css'
import './base.css'
