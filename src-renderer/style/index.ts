/** The one import a page's entry makes to be dressed. */
import './fonts.css'
import './tokens.css'
import './base.css'
